// Opens the signed configuration of this page in the Document Server's editor.
//
// What the editor can ask for is answered by features: each gets the page and returns its events
// (Docs API, "Events"). The editor shows the buttons of the events that somebody answers.

import { ask } from "./page.js";
import { files } from "./editor_files.js";
import { history } from "./editor_history.js";
import { people } from "./editor_people.js";
import { person } from "./editor_person.js";
import { session } from "./editor_session.js";
import { sharing } from "./editor_sharing.js";

const FEATURES = [session, sharing, files, person, people, history];

const host = document.querySelector("#editor");

/** What features know of the page: its addresses, the editor once it is there, fresh configurations.
 * @type {{data: DOMStringMap, editor: object, config: object, fresh: () => Promise<object>}}
 */
const page = {
  data: host.dataset,
  editor: null,
  config: JSON.parse(document.querySelector("#editor-config").textContent),
  /** The same document, signed anew: the state of the file may have changed. */
  async fresh() {
    const response = await ask(host.dataset.fresh);
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return response.json();
  },
};

function showTrouble() {
  host.hidden = true;
  document.querySelector("#editor-trouble").hidden = false;
}

function open() {
  const frame = document.createElement("div");
  frame.id = "editor-frame";
  host.append(frame);
  const events = {};
  for (const feature of FEATURES) {
    for (const [name, answer] of Object.entries(feature(page))) {
      const before = events[name];
      // Two features can answer one event: onMetaChange tells of titles and of stars.
      events[name] = before ? (event) => [before(event), answer(event)] : answer;
    }
  }
  page.editor = new window.DocsAPI.DocEditor(frame.id, { ...page.config, events });
}

const script = document.createElement("script");
script.src = host.dataset.api;
script.onload = () => (window.DocsAPI ? open() : showTrouble());
script.onerror = showTrouble;
document.head.append(script);
