// The REST API: every call either returns what was asked for or throws an Error with one sentence.

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new ApiError("The server does not answer; is `crosslight serve` still running?", 0);
  }
  if (response.status === 204) return null;
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(body?.detail ?? `The server answered ${response.status}.`, response.status);
  return body;
}

export const sendJson = (path, method, body) =>
  call(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

// Watches a job until it is finished; `onChange` is told of every change. Returns a function that stops watching.
export function watch(path, onChange, onLost) {
  const source = new EventSource(`${path}/events`);
  source.addEventListener("job", (event) => {
    const job = JSON.parse(event.data);
    if (isFinished(job)) source.close();
    onChange(job);
  });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) onLost?.(new ApiError("The server stopped telling how it goes; reload the page.", 0));
  });
  return () => source.close();
}

export const isFinished = (job) => ["done", "failed", "cancelled"].includes(job.state);

// Sends a form and tells how much of it was sent, which fetch cannot.
export function upload(path, form, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => event.lengthComputable && onProgress(event.loaded, event.total));
    request.addEventListener("load", () =>
      request.status < 300 ? resolve(request.response) : reject(new ApiError(request.response?.detail ?? `The server answered ${request.status}.`, request.status)));
    request.addEventListener("error", () => reject(new ApiError("The upload broke off; try again.", 0)));
    request.send(form);
  });
}
