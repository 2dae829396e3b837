// The page: pictures in by file, drop, paste and camera; frames, labels and bars out.
const LARGEST = 1280; // pixels of the longer side of a picture, as it is shown and read
const STEADY_MS = 300; // after which a frame of the camera counts half in the bars
const FARTHEST = 12; // faces before the camera are at least so much of its height: a twelfth
const SAME_FACE = 0.3; // overlap from which a face is that of the frame before

const part = name => document.getElementById(name);
const [view, status, caption, list, camera] = ["view", "status", "caption", "faces", "camera"].map(part);
const pen = view.getContext("2d");
// What is read, until it is shown together with what was found: two, as the next is read while one is shown
const sheets = [0, 1].map(() => new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true }));
const say = text => { status.textContent = text; };

const worker = new Worker("reader.js", { type: "module" });
const waiting = new Map();
const answerOf = id => new Promise((done, failed) => waiting.set(id, { done, failed }));
let asked = 0;
let about;

worker.onmessage = ({ data: { id, result, error } }) => {
  const { done, failed } = waiting.get(id);
  waiting.delete(id);
  if (error) failed(new Error(error)); else done(result);
};
worker.onerror = () => say("The model cannot be run: this browser has no WebAssembly or no modules in workers.");

function read(image, smallest) {
  const id = ++asked;
  worker.postMessage({ id, picture: image, smallest }, [image.data.buffer]);
  return answerOf(id);
}

const nameOf = shares => {
  const best = shares.indexOf(Math.max(...shares));
  return shares[best] < about.unsure_below ? "unsure" : about.classes[best];
};
const colourOf = name => `rgb(${about.colours[name] ?? [150, 150, 156]})`;
const percent = share => `${Math.round(100 * share)}%`;

function draw(faces) {
  for (const [number, { box: [x, y, width, height], shares }] of faces.entries()) {
    const name = nameOf(shares);
    const size = Math.max(13, Math.min(28, width / 6));
    const text = `${number + 1} ${name}${name === "unsure" ? "" : ` ${percent(Math.max(...shares))}`}`;
    pen.lineWidth = Math.max(2, width / 60);
    pen.strokeStyle = pen.fillStyle = colourOf(name);
    pen.strokeRect(x, y, width, height);
    pen.font = `600 ${size}px system-ui, sans-serif`;
    const [left, top] = [Math.max(0, x), y >= 1.4 * size ? y - 1.4 * size : y];
    pen.fillRect(left, top, pen.measureText(text).width + size, 1.4 * size);
    pen.fillStyle = "#000";
    pen.fillText(text, left + size / 2, top + size);
  }
}

function tell(faces, name) {
  const words = faces.map(({ shares }) => nameOf(shares));
  const count = faces.length === 1 ? "1 face" : `${faces.length} faces`;
  view.setAttribute("aria-label", `${name}: ${count}${words.length ? `, ${words.join(", ")}` : ""}`);
  list.replaceChildren(...faces.map(({ shares, score }, number) => {
    const item = document.createElement("li");
    const heading = document.createElement("h2");
    heading.textContent = `${number + 1}: ${words[number]}`;
    item.title = `detector's score ${score.toFixed(2)}`;
    const bars = document.createElement("dl");
    for (const [index, share] of shares.entries()) {
      const [term, bar, figure, filled] = ["dt", "dd", "dd", "span"].map(kind => document.createElement(kind));
      term.textContent = about.classes[index];
      bar.className = "bar";
      bar.ariaHidden = "true";
      filled.style.cssText = `width: ${100 * share}%; background: ${colourOf(about.classes[index])}`;
      bar.append(filled);
      figure.className = "share";
      figure.textContent = percent(share);
      bars.append(term, bar, figure);
    }
    item.append(heading, bars);
    return item;
  }));
  return count;
}

async function take(source, width, height, smallest) {
  const scale = Math.min(1, LARGEST / Math.max(width, height));
  const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
  const sheet = sheets.reverse()[0];
  [sheet.canvas.width, sheet.canvas.height] = [wide, high];
  sheet.drawImage(source, 0, 0, wide, high);
  return { picture: sheet.canvas, ...await read(sheet.getImageData(0, 0, wide, high), smallest) };
}

function show(picture, faces) {
  [view.width, view.height] = [picture.width, picture.height];
  pen.drawImage(picture, 0, 0);
  draw(faces);
}

async function look(file) {
  stop();
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  } catch {
    say(`${file.name} is no picture that this browser can read.`);
    return;
  }
  say(`Looking at ${file.name} …`);
  try {
    const { picture, faces, milliseconds } = await take(bitmap, bitmap.width, bitmap.height);
    publish(faces);
    show(picture, faces);
    say(`${tell(faces, file.name)} in ${file.name}, ${Math.round(milliseconds)} ms.`);
    caption.textContent = "";
  } catch (error) {
    say(`${file.name} could not be looked at: ${error.message}`);
  }
}

// What was found last, for whoever tests or scripts the page
function publish(faces) {
  window.found = { faces, classes: about.classes, names: faces.map(({ shares }) => nameOf(shares)) };
}

const overlap = ([x, y, w, h], [u, v, s, t]) => {
  const shared = Math.max(0, Math.min(x + w, u + s) - Math.max(x, u)) * Math.max(0, Math.min(y + h, v + t) - Math.max(y, v));
  return shared / (w * h + s * t - shared);
};

// Each face's bars follow those of the same face in the frame before
function steadied(faces, before, passed) {
  const kept = 0.5 ** (passed / STEADY_MS);
  return faces.map(face => {
    const same = before.find(({ box }) => overlap(box, face.box) > SAME_FACE);
    const shares = same ? face.shares.map((share, i) => kept * same.shares[i] + (1 - kept) * share) : face.shares;
    return { ...face, shares };
  });
}

let stream;

function stop() {
  stream?.getTracks().forEach(track => track.stop());
  stream = undefined;
  camera.textContent = "Use the camera";
  camera.setAttribute("aria-pressed", "false");
}

async function live() {
  let mine;
  try {
    mine = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480, facingMode: "user" } });
  } catch (error) {
    say(error.name === "NotAllowedError" ? "The camera was not allowed." : "There is no camera that can be used.");
    return;
  }
  stream = mine;
  camera.textContent = "Stop the camera";
  camera.setAttribute("aria-pressed", "true");
  const video = Object.assign(document.createElement("video"), { srcObject: mine, muted: true, playsInline: true });
  await video.play();
  let [faces, last, rate] = [[], performance.now(), 0];
  const look = () => take(video, video.videoWidth, video.videoHeight, video.videoHeight / FARTHEST);
  try {
    let next = look();
    while (stream === mine) {
      const { picture, faces: seen } = await next;
      if (stream !== mine) return;
      next = look();
      const now = performance.now();
      faces = steadied(seen, faces, now - last);
      rate = rate ? 0.9 * rate + 100 / (now - last) : 1000 / (now - last);
      last = now;
      publish(faces);
      show(picture, faces);
      caption.textContent = `${rate.toFixed(0)} frames/s`;
      say(`${tell(faces, "camera")} before the camera.`);
      if (document.hidden) await new Promise(seen => document.addEventListener("visibilitychange", seen, { once: true }));
    }
  } catch (error) {
    stop();
    say(`The camera's pictures could not be looked at: ${error.message}`);
  }
}

const first = files => [...files].find(file => file instanceof File);
part("file").addEventListener("change", ({ target }) => target.files.length && look(target.files[0]));
camera.addEventListener("click", () => (stream ? stop() : live()));
addEventListener("paste", ({ clipboardData }) => {
  const file = first(clipboardData.files);
  if (file) look(file); else say("There is no picture in what was pasted.");
});
addEventListener("dragover", event => {
  event.preventDefault();
  document.body.classList.add("over");
});
addEventListener("dragleave", () => document.body.classList.remove("over"));
addEventListener("drop", event => {
  event.preventDefault();
  document.body.classList.remove("over");
  const file = first(event.dataTransfer.files);
  if (file) look(file);
});

try {
  about = await answerOf("about");
  say("Ready.");
} catch (error) {
  say(`The model cannot be loaded: ${error.message}`);
}
