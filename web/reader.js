// A worker that reads pictures: all that it knows of faces is in the model's file.
import * as ort from "./vendor/ort.wasm.min.mjs";

ort.env.wasm.numThreads = 1; // more would want headers that not every static host sends
ort.env.wasm.wasmPaths = new URL("./vendor/", import.meta.url).href;

const about = fetch("model/pipeline.json").then(answer => {
  if (!answer.ok) throw new Error("the model's description is missing: make demo writes it");
  return answer.json();
});
const session = ort.InferenceSession.create("model/pipeline.onnx", { graphOptimizationLevel: "all" });

// width, height and RGBA bytes of a picture to its faces, surest first; a width of the smallest one that is not the model's
async function read({ width, height, data }, smallest) {
  const { min_size, threshold, max_windows, classes } = await about;
  const started = performance.now();
  const found = await (await session).run({
    picture: new ort.Tensor("uint8", new Uint8Array(data.buffer), [height, width, 4]),
    min_size: new ort.Tensor("float32", Float32Array.of(smallest ?? min_size), []),
    threshold: new ort.Tensor("float32", Float32Array.of(threshold), []),
    max_windows: new ort.Tensor("int64", BigInt64Array.of(BigInt(max_windows)), []),
  });
  const milliseconds = performance.now() - started;
  const [boxes, scores, shares] = [found.boxes.data, found.scores.data, found.probabilities.data];
  const faces = Array.from(scores, (score, face) => ({
    score,
    box: Array.from(boxes.slice(4 * face, 4 * face + 4)),
    shares: Array.from(shares.slice(classes.length * face, classes.length * (face + 1))),
  }));
  return { faces, milliseconds };
}

const answer = async (id, work) => {
  try {
    postMessage({ id, result: await work });
  } catch (error) {
    postMessage({ id, error: error.message });
  }
};
answer("about", Promise.all([about, session]).then(([values]) => values));
onmessage = ({ data: { id, picture, smallest } }) => answer(id, read(picture, smallest));
