"""A small accessibility check of our own: what a script can see of WCAG 2.2 AA."""

from playwright.sync_api import Page

_SCRIPT = """
() => {
  const faults = [];
  const say = (what, element) => faults.push(`${what}: ${(element?.outerHTML ?? "").slice(0, 120)}`);
  const shown = (element) => element.checkVisibility();

  if (document.documentElement.lang !== "en") say("no language");
  if (!document.title.trim()) say("no title");
  if (document.querySelectorAll("h1").length !== 1) say(`${document.querySelectorAll("h1").length} h1`);
  for (const landmark of ["header", "main", "footer"])
    if (!document.querySelector(landmark)) say(`no ${landmark}`);

  let level = 0;
  for (const heading of document.querySelectorAll("h1,h2,h3,h4,h5,h6")) {
    if (+heading.tagName[1] > level + 1) say("heading level skipped", heading);
    level = +heading.tagName[1];
  }

  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  ids.filter((id, place) => ids.indexOf(id) !== place).forEach((id) => say(`id ${id} twice`));
  for (const name of ["aria-labelledby", "aria-describedby"])
    for (const element of document.querySelectorAll(`[${name}]`))
      for (const id of element.getAttribute(name).split(/\\s+/))
        if (!ids.includes(id)) say(`${name} names ${id}, which is not there`, element);

  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
    if (!field.labels.length && !field.ariaLabel) say("no label", field);
  for (const element of document.querySelectorAll("a[href], button"))
    if (!(element.ariaLabel || element.textContent).trim()) say("no name", element);
  for (const image of document.querySelectorAll("img"))
    if (!image.hasAttribute("alt")) say("no alt", image);
  for (const frame of document.querySelectorAll("iframe"))
    if (!frame.title) say("no title", frame);
  for (const table of document.querySelectorAll("main table:not(.prose > table)")) {
    if (!table.caption) say("no caption", table);
    for (const cell of table.querySelectorAll("th")) if (!cell.scope) say("no scope", cell);
  }
  if (document.querySelector("[style], script:not([src]), style")) say("inline style or script");

  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) say(`wider than the window: ${root.scrollWidth}`);

  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = numbers(colour).map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if ((numbers(colour)[3] ?? 1) === 1) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !shown(element) || element.closest("noscript")) continue;
    const [lighter, darker] = [getComputedStyle(element).color, ground(element)].map(luminance).sort((a, b) => b - a);
    const contrast = (lighter + 0.05) / (darker + 0.05);
    if (contrast < 4.5) say(`contrast ${contrast.toFixed(2)}`, element);
  }
  return faults;
}
"""


def faults_of(page: Page) -> list[str]:
    """One line per fault: missing names, labels and captions, skipped headings, weak contrast, sideways scrolling."""
    faults: list[str] = page.evaluate(_SCRIPT)
    return faults
