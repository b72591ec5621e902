// Bundles the page into one folder of files with hashed names, each beside its gzip, which CMake embeds:
//   node build.mjs [OUTPUT FOLDER] [--watch]
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import esbuild from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const output = process.argv.slice(2).find((argument) => !argument.startsWith('--')) ?? join(here, 'dist');
const kLargestCompressed = 150 * 1024;

function hashed(name, extension, bytes) {
  return `${name}-${createHash('sha256').update(bytes).digest('hex').slice(0, 10)}.${extension}`;
}

/** Writes index.html and what it names; gives their compressed size. */
function write(results) {
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  const files = new Map();
  let page = readFileSync(join(here, 'src/index.html'), 'utf8');
  for (const file of results.outputFiles) {
    const extension = file.path.endsWith('.css') ? 'css' : 'js';
    const name = hashed('portal', extension, file.contents);
    files.set(name, file.contents);
    page = page.replace(`portal.${extension}`, name);
  }
  files.set('index.html', Buffer.from(page));
  let compressed = 0;
  for (const [name, bytes] of files) {
    const gzip = gzipSync(bytes, { level: 9 });
    writeFileSync(join(output, name), bytes);
    writeFileSync(join(output, `${name}.gz`), gzip);
    compressed += gzip.length;
  }
  return compressed;
}

const options = {
  entryPoints: { portal: join(here, 'src/main.tsx') },
  bundle: true,
  minify: true,
  write: false,
  outdir: output,
  format: 'esm',
  target: ['es2022'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  plugins: [
    {
      name: 'write',
      setup: (build) =>
        build.onEnd((results) => {
          if (results.errors.length > 0) return;
          const compressed = write(results);
          console.log(`portal: ${(compressed / 1024).toFixed(1)} KB compressed`);
          if (compressed > kLargestCompressed) {
            console.error(`portal: over the limit of ${kLargestCompressed / 1024} KB`);
            process.exitCode = 1;
          }
        }),
    },
  ],
};

if (process.argv.includes('--watch')) {
  await (await esbuild.context(options)).watch();
} else {
  await esbuild.build(options);
}
