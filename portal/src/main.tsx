import { render } from 'preact';
import { follow } from './api/stream.ts';
import { App } from './app.tsx';
import './styles.css';

void follow();
render(<App />, document.getElementById('app') as HTMLElement);
