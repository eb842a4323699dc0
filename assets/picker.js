// Our dialog to choose files, or a folder for something new. Used by what the editor asks for.

import { localizeTimes } from "./page.js";
import { get } from "./editor_ask.js";
import { say } from "./words.js";

const ICONS = new URL("./icons.svg", import.meta.url).pathname;
const SHAPE = `
  <form method="dialog">
    <h2></h2>
    <nav class="crumbs"></nav>
    <ul></ul>
    <p class="note" hidden></p>
    <label class="name" hidden><span></span> <input type="text" autocomplete="off" spellcheck="false"></label>
    <p class="problem" role="alert" hidden></p>
    <menu>
      <button type="button" class="button" value="cancel"></button>
      <button class="button primary" value="ok"></button>
    </menu>
  </form>`;

/** @param {string} name @returns {SVGElement} */
function icon(name) {
  const holder = document.createElement("span");
  holder.innerHTML = '<svg class="icon" aria-hidden="true"><use></use></svg>';
  holder.querySelector("use").setAttribute("href", `${ICONS}#${name}`);
  return holder.firstChild;
}

/** One dialog, from its beginning to its end. */
class Picker {
  /** @param {object} wanted as in `pick` */
  constructor(wanted) {
    this.wanted = wanted;
    this.chosen = new Map();
    this.folder = "";
    this.dialog = document.createElement("dialog");
    this.dialog.className = "picker";
    this.dialog.innerHTML = SHAPE;
    this.part("nav").setAttribute("aria-label", say("Folders"));
    this.part("label span").textContent = say("Name");
    this.part("button[value=cancel]").textContent = say("Cancel");
    this.part("h2").textContent = wanted.title;
    this.part("button[value=ok]").textContent = wanted.action;
    this.part("label").hidden = wanted.name === undefined;
    this.part("input").value = wanted.name ?? "";
    this.part("button[value=cancel]").addEventListener("click", () => this.dialog.close());
    this.part("form").addEventListener("keydown", (event) => event.target.matches("button") && this.move(event));
    this.part("form").addEventListener("submit", (event) => this.confirm(event));
  }

  part(selector) {
    return this.dialog.querySelector(selector);
  }

  /** Show the dialog; what `act` gave, or null if it was closed. */
  async run() {
    document.body.append(this.dialog);
    this.dialog.showModal();
    const closed = new Promise((resolve) => this.dialog.addEventListener("close", resolve));
    this.open(this.wanted.start ?? "/");
    await closed;
    this.dialog.remove();
    return this.result ?? null;
  }

  complain(problem) {
    this.part(".problem").textContent = problem;
    this.part(".problem").hidden = !problem;
  }

  /** Go into a folder; from one that is not to be seen, to the topmost. */
  async open(path) {
    const kind = this.wanted.kind ?? "";
    let told;
    try {
      told = await get("files", { path, kind });
    } catch (fault) {
      if (path !== "/") return this.open("/");
      return this.complain(fault.message);
    }
    this.complain("");
    this.folder = told.path;
    this.mayCreate = told.may_create;
    this.chosen.clear();
    const crumbs = told.crumbs.map((one) => this.button(one.name, () => this.open(one.path)));
    crumbs.at(-1).setAttribute("aria-current", "page");
    this.part("nav").replaceChildren(...crumbs);
    this.part("ul").replaceChildren(...told.entries.map((one) => this.line(one)));
    localizeTimes(this.part("ul"));
    const note = this.part(".note");
    note.textContent = told.is_cut ? say("Not all is shown: this folder has too much in it.") : say("Nothing to choose here.");
    note.hidden = told.entries.length > 0 && !told.is_cut;
    this.show();
    (this.part("ul button") ?? this.part("nav button:last-child")).focus();
  }

  button(text, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.addEventListener("click", act);
    return button;
  }

  line(entry) {
    const button = this.button("", () => (entry.is_folder ? this.open(entry.path) : this.choose(entry, button)));
    const name = document.createElement("span");
    name.textContent = entry.name;
    button.append(icon(entry.symbol), name);
    if (!entry.is_folder) {
      const time = document.createElement("time");
      time.dateTime = entry.modified;
      button.append(time);
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("dblclick", () => this.part("form").requestSubmit());
    }
    const item = document.createElement("li");
    item.append(button);
    return item;
  }

  choose(entry, button) {
    const was = this.chosen.has(entry.path);
    if (!this.wanted.many) this.chosen.clear();
    if (this.wanted.many && was) this.chosen.delete(entry.path);
    else this.chosen.set(entry.path, button);
    for (const one of this.dialog.querySelectorAll("[aria-pressed]")) {
      one.setAttribute("aria-pressed", String([...this.chosen.values()].includes(one)));
    }
    this.show();
  }

  /** The button that confirms is there for what can be confirmed. */
  show() {
    const ready = this.wanted.kind ? this.chosen.size > 0 : this.mayCreate;
    this.part("button[value=ok]").disabled = !ready;
    if (!this.wanted.kind && !this.mayCreate) this.complain(say("You cannot add anything to this folder."));
  }

  /** Arrows go through the list, Backspace goes up. */
  move(event) {
    const buttons = [...this.dialog.querySelectorAll("ul button")];
    const at = buttons.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (event.key === "Backspace") this.part("nav button:nth-last-child(2)")?.click();
    else if (to === undefined) return;
    else buttons[Math.max(0, Math.min(to, buttons.length - 1))]?.focus();
    event.preventDefault();
  }

  async confirm(event) {
    event.preventDefault();
    const confirm = this.part("button[value=ok]");
    if (confirm.disabled) return;
    confirm.disabled = true;
    this.complain("");
    const paths = [...this.chosen.keys()];
    try {
      this.result = await this.wanted.act({ paths, folder: this.folder, name: this.part("input").value });
      this.dialog.close();
    } catch (fault) {
      this.complain(fault.message);
    } finally {
      confirm.disabled = false;
    }
  }
}

/** Let the person choose; `act` does the work, and its failure is told in the dialog.
 * With a `kind` (loans.py, TAKEN) they choose files, several with `many`; without, a folder to add something to.
 * @param {{title: string, action: string, kind?: string, many?: boolean, start?: string, name?: string,
 *   act: (choice: {paths: string[], folder: string, name: string}) => Promise<any>}} wanted
 * @returns {Promise<any>} what `act` gave; null if the dialog was closed
 */
export function pick(wanted) {
  return new Picker(wanted).run();
}
