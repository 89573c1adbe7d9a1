// Makes the reference page live: the samples name this server, and every request can be tried.
// The token stays in the input and in memory: it is never stored and never part of an address.
"use strict";

const SHOWN = ["x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "retry-after",
  "www-authenticate", "allow"];
const token = document.getElementById("token");

function element(name, text, className) {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function showThisServer() {
  const written = document.body.dataset.origin;
  for (const code of document.querySelectorAll("pre code")) {
    code.textContent = code.textContent.replaceAll(written, location.origin);
  }
}

function offerCopying(button) {
  const label = button.firstChild;
  button.addEventListener("click", async () => {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      label.textContent = "Copied";
    } catch {
      // No clipboard over plain HTTP from another machine: select it, so that a key press copies.
      getSelection().selectAllChildren(code);
      label.textContent = "Selected";
    }
    setTimeout(() => { label.textContent = "Copy"; }, 2000);
  });
  button.hidden = false;
}

function requestOf(form) {
  const headers = { Accept: "application/json" };
  if ("needsToken" in form.dataset && token.value.trim()) {
    headers.Authorization = `Bearer ${token.value.trim()}`;
  }
  const body = form.querySelector("textarea");
  if (body) headers["Content-Type"] = form.dataset.kind;
  return {
    method: form.dataset.method,
    headers,
    body: body ? body.value : undefined,
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
  };
}

function readable(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function answerOf(response, text, tookMs) {
  const status = `${response.status} ${response.statusText}`.trim();
  const line = element("p", "");
  line.append(element("b", status, response.ok ? "status good" : "status"), ` in ${tookMs} ms`);
  const list = element("dl", "");
  for (const name of SHOWN.filter((shown) => response.headers.has(shown))) {
    list.append(element("dt", name), element("dd", response.headers.get(name)));
  }
  const body = element("pre", "");
  body.tabIndex = 0;
  body.append(element("code", readable(text)));
  return [line, list, body];
}

async function send(form) {
  const startedAt = performance.now();
  const response = await fetch(form.dataset.path, requestOf(form));
  const text = await response.text();
  return answerOf(response, text, Math.round(performance.now() - startedAt));
}

function offerTrying(form) {
  const result = form.querySelector(".result");
  const button = form.querySelector(".send");
  for (const fill of form.querySelectorAll(".fill")) {
    fill.addEventListener("click", () => {
      form.querySelector("textarea").value = fill.dataset.body;
    });
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      result.replaceChildren(...(await send(form)));
    } catch (error) {
      result.replaceChildren(element("p", `The request could not be sent: ${error.message}`));
    } finally {
      button.disabled = false;
    }
  });
  form.hidden = false;
}

function offerShowingTheToken() {
  const button = document.getElementById("show-token");
  button.addEventListener("click", () => {
    const shows = token.type === "password";
    token.type = shows ? "text" : "password";
    button.firstChild.textContent = shows ? "Hide" : "Show";
  });
  token.parentElement.hidden = false;
}

token.value = ""; // browsers fill in what stood there before a reload
showThisServer();
offerShowingTheToken();
document.querySelectorAll(".copy").forEach(offerCopying);
document.querySelectorAll(".try").forEach(offerTrying);
document.querySelectorAll(".needs-script").forEach((note) => { note.hidden = false; });
