// node build.mjs OUT: hashed bundles, each also compressed, and a manifest {entry: file}. hatch_build.py moves OUT into place.
import * as esbuild from "esbuild";
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";

const out = process.argv[2];
fs.rmSync(out, { recursive: true, force: true });
const built = await esbuild.build({
  entryPoints: ["app.mjs", "app.css"],
  bundle: true,
  minify: true,
  format: "esm",
  splitting: true,
  target: ["es2022", "chrome109", "firefox115", "safari16.4"],
  outdir: out,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  legalComments: "none",
  metafile: true,
});
const entries = Object.entries(built.metafile.outputs).filter(([, output]) => output.entryPoint);
const manifest = Object.fromEntries(entries.map(([file, output]) => [output.entryPoint, path.basename(file)]));
for (const name of fs.readdirSync(out)) {
  const content = fs.readFileSync(path.join(out, name));
  fs.writeFileSync(path.join(out, `${name}.gz`), zlib.gzipSync(content, { level: 9 }));
  fs.writeFileSync(path.join(out, `${name}.br`), zlib.brotliCompressSync(content));
}
fs.writeFileSync(path.join(out, "manifest.json"), JSON.stringify(manifest));
