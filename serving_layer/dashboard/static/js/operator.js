// The operator's page: nine sources, told of by one stream; each redraws what it tells of.
import { drawDurations, drawTimeline } from "./generations.js";
import { drawHealth, lookHealth, showVerdict } from "./health.js";
import { drawLag } from "./lag.js";
import { drawLake } from "./lake.js";
import { drawLetters } from "./letters.js";
import { showConnection } from "./live.js";
import { panel, showError, showFilled } from "./panels.js";
import { drawPicture } from "./picture.js";
import { lateness, LiveSources, Source, watchAll } from "./sources.js";

const TICK_MS = 3_000;
let begun = false; // whether the lags have their first point

const sources = {
  ingestion: new Source("/operator/ingestion", { lagging: ({ outbox, relay }) => lateness(outbox, relay), changed: overall }),
  micro_batch: new Source("/operator/micro-batch", { lagging: (it) => lateness(it.user_stats, it.global_trends), changed: overall }),
  speed: new Source("/operator/speed", { lagging: ({ applied }) => lateness(applied), changed: overall }),
  lake: new Source("/operator/lake", { lagging: ({ stored }) => lateness(stored), changed: once(drawLake, "lake") }),
  generations: new Source("/operator/generations", { changed: once(drawBatch, "generations", "durations") }),
  scheduler: new Source("/operator/scheduler", { changed: overall }),
  letters: new Source("/operator/dead-letters", { changed: once(redrawLetters, "letters") }),
  audit: new Source("/operator/audit", { changed: overall }),
  health: new Source("/health/ready", { look: lookHealth, changed: overall }),
};
const streams = [sources.ingestion, sources.micro_batch, sources.speed, sources.lake];

/** Give what redraws panels when their source has told something new. Without an answer ever they show the error
 * state; after one, their chips say since when. */
function once(redraw, ...ids) {
  let drawn = "";
  return (source) => {
    overall();
    if (source.document === null) return ids.forEach((id) => showError(panel(id)));
    if (source.failed) return;
    const { observed_at: _, ...content } = source.document;
    const encoded = JSON.stringify(content);
    if (encoded === drawn) return; // whoever is about to press a button keeps it under the finger
    drawn = encoded;
    redraw(panel(ids[0]), source.document);
  };
}

function drawBatch(node, batch) {
  drawTimeline(node, batch, () => sources.generations.refresh());
  drawDurations(panel("durations"), batch);
}

function redrawLetters(node, found) {
  drawLetters(node, found, () => sources.letters.refresh());
}

/** Give the documents that are live, by source; null for those that are not. */
function present() {
  return Object.fromEntries(Object.entries(sources).map(([name, source]) => [name, source.isLive ? source.document : null]));
}

/** Redraw what is made of several sources. */
function overall() {
  const now = present();
  const asked = Object.values(sources).every((source) => source.isAnswered);
  showFilled(panel("picture"));
  drawPicture(panel("picture"), now);
  showVerdict(document.getElementById("verdict"), drawHealth(panel("health"), now), now, asked);
  if (begun || !streams.every((source) => source.isAnswered)) return;
  begun = true;
  tick();
}

watchAll("all", Object.values(sources));
watchAll("streams", streams);
for (const name of ["lake", "generations", "letters"]) watchAll(name, [sources[name]]);
new LiveSources("/dashboard/operator/stream", sources, showConnection);
setInterval(tick, TICK_MS);

/** Look at everything as it is now: what nobody confirms any more must not look live. */
function tick() {
  overall();
  if (streams.some((source) => source.confirmedAt !== null)) drawLag(panel("lag"), present());
  else if (streams.every((source) => source.failed)) showError(panel("lag"));
}
