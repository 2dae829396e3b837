// The page in a real browser: node test.mjs FOLDER, of what tests/web/expected.py wrote. CHROMIUM names the browser.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize, resolve } from "node:path";
import { chromium } from "playwright-core";

const folder = resolve(process.argv[2] ?? "build/web");
const here = new URL(".", import.meta.url).pathname;
const browserPath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
  .find(path => path && existsSync(path));
if (!browserPath) {
  console.error("there is no Chromium to test the page in: apt install chromium, or CHROMIUM=/path/to/it");
  process.exit(2);
}

const KINDS = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript",
  ".json": "application/json", ".wasm": "application/wasm", ".onnx": "application/octet-stream" };
const server = createServer(async ({ url }, answer) => {
  const path = normalize(decodeURIComponent(new URL(url, "http://x").pathname));
  try {
    const file = join(here, path === "/" ? "index.html" : path);
    answer.writeHead(200, { "Content-Type": KINDS[extname(file)] ?? "text/plain" }).end(await readFile(file));
  } catch {
    answer.writeHead(404).end();
  }
}).listen(0, "127.0.0.1");
await new Promise(ready => server.once("listening", ready));
const home = `http://127.0.0.1:${server.address().port}/`;

const browser = await chromium.launch({
  executablePath: browserPath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${join(folder, "camera.mjpeg")}`],
});
const page = await browser.newPage({ viewport: { width: 900, height: 1200 } });
const strangers = [];
page.on("request", request => request.url().startsWith(home) || /^(data|blob):/.test(request.url()) || strangers.push(request.url()));
const wrong = [];
page.on("pageerror", error => wrong.push(error.message));
page.on("console", message => message.type() === "error" && wrong.push(message.text()));
await page.goto(home);
const status = () => page.textContent("#status");
const until = (test, what) => page.waitForFunction(test, what, { timeout: 60_000 });
const says = text => until(words => document.getElementById("status").textContent.includes(words), text);
await says("Ready.");

const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));
const near = (one, other, within) => Math.abs(one - other) <= within;
for (const [name, faces] of Object.entries(expected)) {
  await page.setInputFiles("#file", join(folder, name));
  await says(` in ${name}, `);
  const found = await page.evaluate(() => window.found);
  assert.equal(found.faces.length, faces.length, `${name}: ${found.faces.length} faces, Python finds ${faces.length}`);
  for (const [index, face] of faces.entries()) {
    assert.equal(found.names[index], face.label, `${name}, face ${index}`);
    face.box.forEach((value, side) => assert(near(value, found.faces[index].box[side], 0.05), `${name}: a box differs`));
    face.shares.forEach((value, of) => assert(near(value, found.faces[index].shares[of], 2e-3), `${name}: a share differs`));
  }
  assert.equal(await page.locator("#faces li").count(), faces.length);
  assert.match(await page.getAttribute("#view", "aria-label"), new RegExp(`^${name}: ${faces.length} faces?`));
  console.log(`${name}: ${faces.length} faces as Python finds them; ${await status()}`);
}
await page.screenshot({ path: join(folder, "page.png"), fullPage: true });

await page.setInputFiles("#file", join(folder, "broken.png"));
await says("broken.png is no picture that this browser can read.");

// by keyboard alone: from the file input to the camera, on and off
await page.focus("#file");
await page.keyboard.press("Tab");
assert.equal(await page.evaluate(() => document.activeElement.id), "camera");
await page.keyboard.press("Enter");
await says("before the camera.");
await until(() => /^\d+ frames\/s$/.test(document.getElementById("caption").textContent) && window.found.faces.length > 0);
await page.waitForTimeout(4000);
console.log(`camera: ${await page.textContent("#caption")}, ${await status()}`);
await page.screenshot({ path: join(folder, "camera.png"), fullPage: true });
await page.keyboard.press("Enter");
assert.equal(await page.getAttribute("#camera", "aria-pressed"), "false");

await page.setViewportSize({ width: 360, height: 740 });
assert(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page is wider than a phone");

assert.deepEqual(strangers, [], "the page asked others for something");
assert.deepEqual(wrong, []);
await browser.close();
server.close();
console.log("the page does what Python does");
