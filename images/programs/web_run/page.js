// What runs in the browser: it asks the program for commands, one after the other, and answers each. A message is a line
// of JSON and, behind it, the bytes of tensors, one after the other.
import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";

const ARRAYS = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };
const NEWLINE = 10;

const models = new Map();

// LiteRT.js gives whatever is in memory as the outputs of a run that failed: its console alone tells of it.
const failures = [];
const printed = console.error;
console.error = (...said) => {
  failures.push(...said.join(" ").split("\n").filter((line) => line.includes("ERROR: ")));
  printed(...said);
};

async function open({ model }) {
  const found = await loadAndCompile(`models/${model}`, { accelerator: "wasm" });
  models.set(model, { found, fed: new Map() });
  const named = (details) => details.map(({ name }) => name);
  return [{ inputs: named(found.getInputDetails()), outputs: named(found.getOutputDetails()) }];
}

// What runs a file, or one of its signatures, and the inputs that it was fed.
function runner({ model, signature }) {
  const { found, fed } = models.get(model);
  if (!fed.has(signature)) fed.set(signature, {});
  return { found: signature === undefined ? found : found.signatures[signature], inputs: fed.get(signature) };
}

function feed({ inputs: given, ...place }, bytes) {
  const { inputs } = runner(place);
  let at = 0;
  for (const { name, dtype, shape, size } of given) {
    inputs[name]?.delete();
    inputs[name] = new Tensor(new ARRAYS[dtype](bytes.slice(at, at + size).buffer), shape);
    at += size;
  }
  return [{}];
}

async function invoke(place) {
  const { found, inputs } = runner(place);
  const made = await found.run(inputs);
  const arrays = Object.entries(made).map(([name, tensor]) => [name, tensor.toTypedArray().slice()]);
  Object.values(made).forEach((tensor) => tensor.delete());
  const outputs = arrays.map(([name, array]) => ({ name, size: array.byteLength }));
  return [{ outputs }, ...arrays.map(([, array]) => array)];
}

// Invocations alone, in milliseconds, from when the inputs are there until the outputs are.
async function time({ least, most, seconds, ...place }) {
  const { found, inputs } = runner(place);
  const milliseconds = [];
  let sum = 0;
  while (milliseconds.length < least || (milliseconds.length < most && sum < seconds * 1000)) {
    const started = performance.now();
    const made = await found.run(inputs);
    milliseconds.push(performance.now() - started);
    sum += milliseconds.at(-1);
    Object.values(made).forEach((tensor) => tensor.delete());
  }
  return [{ milliseconds }];
}

function close({ model }) {
  const { found, fed } = models.get(model);
  fed.forEach((inputs) => Object.values(inputs).forEach((tensor) => tensor.delete()));
  found.delete();
  models.delete(model);
  return [{}];
}

const COMMANDS = { open, feed, invoke, time, close };

async function answer(command, bytes) {
  try {
    failures.length = 0;
    const said = await COMMANDS[command.command](command, bytes);
    return failures.length ? [{ error: failures.join(" ") }] : said;
  } catch (error) {
    return [{ error: [...failures, error?.message ?? error].join(" ") }];
  }
}

// While this is open, the page is there.
new EventSource("alive");
let said = [{ ready: true }];
try {
  await loadLiteRt("npm/@litertjs/core/wasm/");
} catch (error) {
  said = [{ error: String(error?.message ?? error) }];
}
for (;;) {
  const [head, ...tensors] = said;
  const response = await fetch("next", { method: "POST", body: new Blob([JSON.stringify(head), "\n", ...tensors]) });
  const bytes = new Uint8Array(await response.arrayBuffer());
  const end = bytes.indexOf(NEWLINE);
  said = await answer(JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))), bytes.subarray(end + 1));
}
