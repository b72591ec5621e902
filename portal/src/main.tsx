import { render } from 'preact';
import { follow_hub } from './api/stream.ts';
import { App } from './app.tsx';
import './styles.css';

void follow_hub();
render(<App />, document.getElementById('app') as HTMLElement);
