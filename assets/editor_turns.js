// Taking turns at a file: waiting for another program's lock, taking it over, going from reading to
// editing, and hearing of changes that were made without this session.

import { get, post } from "./editor_ask.js";
import { hush, sure, tell } from "./editor_notice.js";
import { say } from "./words.js";
import { isEditing } from "./editor_session.js";

const WAITING_MS = 10000;
const TELLING_MS = 30000;

/** @param {object} page as in editor.js @returns {object} events */
export function turns(page) {
  let waits = "waits" in page.data;
  let goesOn = "";
  const back = { label: say("Back"), act: () => location.assign(page.data.folder) };

  async function edit() {
    try {
      const config = await page.fresh({ mode: "edit" });
      if (config.editorConfig.mode === "edit") {
        waits = false;
        hush();
        page.reopen(config);
      } else {
        waits = true;
        await look();
      }
    } catch (fault) {
      tell(say("It cannot be edited now: {reason}", { reason: fault.message }), [{ label: say("Try again"), act: edit }, back]);
    }
  }

  async function take(holder) {
    const question = {
      title: say("Take this file over?"),
      text: say(
        "{who} cannot save it any more in the program that has it locked. What is not saved there yet can get lost.",
        { who: holder },
      ),
      action: say("Take over"),
    };
    if (!(await sure(question))) return;
    try {
      await post("take-over", { path: page.data.path });
    } catch (fault) {
      tell(fault.message, [back]);
      return;
    }
    await edit();
  }

  function tellOfLock({ holder, may_edit: mayEdit, may_take_over: mayTake }) {
    if (holder) {
      const taking = { label: say("Take over"), act: () => take(holder) };
      const text = say("{who} has this file locked in another program. It is open for reading.", { who: holder });
      tell(text, [...(mayTake ? [taking] : []), back]);
    } else if (mayEdit) {
      tell(say("The file is free now."), [{ label: say("Edit"), act: edit, primary: true }, back]);
    }
  }

  /** What was typed here was stored before: nothing is lost by going on with what is there now. */
  async function showRestored(who) {
    // The server let this page go: its editor would stay for reading whatever it is given.
    await page.refresh(true);
    const text = say("{who} restored an earlier version. It is shown here now; what was there before is among the versions.", { who });
    tell(text, [{ label: say("Understood"), act: hush }]);
  }

  function tellOfChanges({ ended, changed_by: who, restored }) {
    if (ended && restored) return showRestored(who);
    const key = page.config.document.key;
    if (goesOn === key) return;
    const others = { label: say("Open what is there now"), act: () => location.reload(), primary: true };
    const own = {
      label: say("Go on here"),
      act: () => {
        goesOn = key;
        hush();
      },
    };
    if (ended) {
      // The server let this page go: it is open for reading. What it still sends goes beside the file.
      tell(say("This session was ended, and this page is for reading now. Open what is there to go on writing."), [others]);
    } else if (who && "tellsChanges" in page.data) {
      tell(
        say("{who} changed this file outside of this session. What you save here goes into a file of its own, beside it.", { who }),
        [others, own],
      );
    }
  }

  async function look() {
    const told = await get("editing", { path: page.data.path, key: page.config.document.key });
    if (waits) tellOfLock(told);
    else tellOfChanges(told);
  }

  async function watch() {
    for (;;) {
      // A server that cannot be reached is asked again. Who reads and does not wait needs no answer.
      if (!document.hidden && (waits || isEditing(page))) await look().catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, waits ? WAITING_MS : TELLING_MS));
    }
  }

  // An embedded document and an old version have no path here: nobody edits in their pages.
  if ("path" in page.data) watch();
  return "offersEditing" in page.data ? { onRequestEditRights: edit } : {};
}
