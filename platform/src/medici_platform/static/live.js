/* The page of one submission, kept up to date without reloading it.

   Every second and a half the JSON API is asked for the submission, its runs and what the log has gained. Log text is
   appended where it belongs; when anything else has changed, the page's live part is fetched anew and put in place.
   Without this script the page reloads itself every three seconds instead. */
"use strict";

(() => {
  const PAUSE_MS = 1500;
  const LONGEST_PAUSE_MS = 15000;
  let live = document.getElementById("live");
  if (!live || live.dataset.ended === "yes") return;

  const api = `/api/v1/submissions/${live.dataset.submission}`;
  let known = null;
  let pauseMs = PAUSE_MS;

  async function ask(path) {
    const answer = await fetch(path, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  }

  async function replaceLivePart() {
    const answer = await fetch(location.href);
    if (!answer.ok) throw new Error(`page: ${answer.status}`);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const part = fresh.getElementById("live");
    if (!part) throw new Error("page: signed out");
    const open = new Map([...live.querySelectorAll("details[id]")].map((each) => [each.id, each.open]));
    const focused = focusMark();
    const before = live.dataset.state;
    live.replaceWith(document.adoptNode(part));
    live = document.getElementById("live");
    for (const each of live.querySelectorAll("details[id]")) {
      if (open.has(each.id)) each.open = open.get(each.id);
    }
    restoreFocus(focused);
    document.title = fresh.title;
    if (live.dataset.state !== before) announce(`The submission is ${live.dataset.state}.`);
  }

  /* The keyboard's place, so that replacing a part of the page does not throw it back to the start. */
  function focusMark() {
    const element = document.activeElement;
    if (!element || !live.contains(element)) return null;
    const form = element.closest("form");
    return form ? `form[action="${form.getAttribute("action")}"] button` : null;
  }

  function restoreFocus(mark) {
    const element = mark && live.querySelector(mark);
    if (element) element.focus();
  }

  function announce(text) {
    document.getElementById("announcement").textContent = text;
  }

  const COLOURS = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;

  function append(piece) {
    const place = live.querySelector(`pre[data-run="${piece.run}"][data-stage="${piece.stage}"]`);
    if (!place) return false;
    const atEnd = place.scrollTop + place.clientHeight >= place.scrollHeight - 20;
    place.append(piece.text.replace(COLOURS, ""));
    if (atEnd) place.scrollTop = place.scrollHeight;
    return true;
  }

  async function look() {
    const [submission, runs, log] = await Promise.all([
      ask(api), ask(`${api}/runs`), ask(`${api}/logs?after=${live.dataset.after}`),
    ]);
    const facts = JSON.stringify([submission, runs]);
    const hasChanged = known !== null ? facts !== known : submission.state !== live.dataset.state;
    const hasPlaces = log.pieces.every((piece) => live.querySelector(
      `pre[data-run="${piece.run}"][data-stage="${piece.stage}"]`));
    known = facts;
    if (hasChanged || !hasPlaces) {
      await replaceLivePart();
    } else {
      log.pieces.forEach(append);
      live.dataset.after = log.after;
    }
  }

  async function keepLooking() {
    try {
      await look();
      pauseMs = PAUSE_MS;
    } catch {
      known = null;
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
    if (live.dataset.ended !== "yes") setTimeout(keepLooking, pauseMs);
  }

  setTimeout(keepLooking, PAUSE_MS);
})();
