// What a person keeps: the star on a document, links to places in it, the data of other workbooks.

import { base } from "./page.js";
import { get, post } from "./editor_ask.js";
import { pick } from "./picker.js";
import { say } from "./words.js";

/** The query by which our routes find the file that the editor means. */
function query(page, data) {
  const { referenceData, path, link } = data;
  return {
    server: page.data.server,
    path: page.data.path,
    file: referenceData?.fileKey ?? "",
    instance: referenceData?.instanceId ?? "",
    to: path ?? "",
    link: link ?? "",
  };
}

async function star(page, wanted) {
  try {
    const { favorite } = await post("favorite", { path: page.data.path, favorite: wanted ? "yes" : "no" });
    page.editor.setFavorite(favorite);
  } catch (fault) {
    page.editor.showMessage(fault.message);
  }
}

async function referTo(page, data) {
  let argument;
  try {
    argument = await get("reference", query(page, data));
  } catch (fault) {
    argument = { error: fault.message };
  }
  page.editor.setReferenceData(argument);
}

async function changeSource(page) {
  const argument = await pick({
    title: say("Take the data from"),
    action: say("Use it"),
    kind: "workbook",
    start: page.data.path.slice(0, page.data.path.lastIndexOf("/") + 1),
    act: ({ paths }) => get("reference", query(page, { path: decodeURIComponent(paths[0]) })),
  });
  if (argument) page.editor.setReferenceSource(argument);
}

/** Open the file in a tab, which has to be there before the answer: later, browsers forbid it. */
async function openOther(page, data) {
  const tab = window.open("", data.windowName ?? "_blank");
  try {
    const where = await get("where", query(page, data));
    if (tab) tab.location = where.edit;
  } catch (fault) {
    tab?.close();
    page.editor.showMessage(fault.message);
  }
}

/** The address of a place in the document. */
function linkTo(page, place) {
  return `${location.origin}${base}/-/edit${page.data.path}?anchor=${encodeURIComponent(JSON.stringify(place))}`;
}

/** @param {object} page as in editor.js @returns {object} events */
export function person(page) {
  const events = {
    favorite: { onMetaChange: ({ data }) => typeof data.favorite === "boolean" && star(page, data.favorite) },
    link: { onMakeActionLink: ({ data }) => page.editor.setActionLink(linkTo(page, data)) },
    reference: {
      onRequestReferenceData: ({ data }) => referTo(page, data),
      onRequestReferenceSource: () => changeSource(page),
      onRequestOpen: ({ data }) => openOther(page, data),
    },
  };
  const mine = (page.data.can ?? "").split(" ").map((name) => events[name] ?? {});
  return Object.assign({}, ...mine);
}
