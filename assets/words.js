// What our scripts say, in the language of the page. The source has the English; `make words` finds it there.

const { lang, dataset } = document.documentElement;

/** The translations, an object of our server's (Languages); English where they do not come. */
const known = dataset.words ? await import(dataset.words).then((module) => module.default, () => ({})) : {};

const plain = (tag) => tag.split("-")[0];
/** For dates and numbers: the reader's own variety of the page's language, like en-GB. */
export const language = navigator.languages.find((one) => plain(one) === plain(lang)) ?? lang;

const rules = new Intl.PluralRules(lang);
const inPercent = new Intl.NumberFormat(language, { style: "percent" });

/** @param {string} message @param {Record<string, unknown>} values @returns {string} */
function filled(message, values) {
  return message.replace(/\{(\w+)\}/g, (place, name) => (Object.hasOwn(values, name) ? String(values[name]) : place));
}

/** `message` in the reader's language, with the `{name}` of each value in it.
 * @param {string} message a literal @param {Record<string, unknown>} [values] @returns {string}
 */
export function say(message, values = {}) {
  return filled(known[message] ?? message, values);
}

/** The form for `count` things, which is `{count}` in it.
 * @param {string} one @param {string} many @param {number} count
 * @param {Record<string, unknown>} [values] @returns {string}
 */
export function sayMany(one, many, count, values = {}) {
  const forms = known[one];
  const english = count === 1 ? one : many;
  return filled(forms ? forms[rules.select(count)] ?? forms.other : english, { count, ...values });
}

/** @param {number} part between 0 and 1 @returns {string} */
export function percent(part) {
  return inPercent.format(Math.floor(part * 100) / 100);
}
