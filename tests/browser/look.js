// What a page is like, asked inside of it: each function returns plain findings, empty where all is well.
(() => {
  const TARGETS =
    "a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], [role=tab]";
  const FOCUSABLE = `${TARGETS}, [tabindex="0"]`;
  const LEAST = 24;
  const LONGEST = 10;

  const named = (element) => {
    const said = (element.getAttribute("aria-label") ?? element.textContent).trim().replace(/\s+/g, " ");
    const name = element.name ? `[name=${element.name}]` : "";
    return `${element.tagName.toLowerCase()}${name} “${said.slice(0, 40)}”`;
  };

  const shown = (selector) =>
    [...document.querySelectorAll(selector)].filter((element) => {
      if (element.disabled || !element.checkVisibility({ visibilityProperty: true })) return false;
      const { width, height } = element.getBoundingClientRect();
      return width > 0 && height > 0;
    });

  // A label hits what it belongs to.
  const hits = (element, x, y) => {
    const there = document.elementFromPoint(x, y);
    return there !== null && (element.contains(there) || there.closest("label")?.control === element);
  };

  const isBig = ({ width, height }) => width >= LEAST - 0.01 && height >= LEAST - 0.01;

  // WCAG 2.5.8: in a sentence, the line's height is what it is.
  const isInSentence = (element) => {
    if (element.tagName !== "A" || getComputedStyle(element).display !== "inline") return false;
    let around = element.parentElement;
    while (getComputedStyle(around).display === "inline") around = around.parentElement;
    return around.textContent.trim() !== element.textContent.trim();
  };

  // By its own box, its label's, or what around its middle leads to it: a card that is all link.
  const canBeHit = (element) => {
    if (isBig(element.getBoundingClientRect())) return true;
    if ([...(element.labels ?? [])].some((label) => isBig(label.getBoundingClientRect()))) return true;
    element.scrollIntoView({ block: "center", inline: "nearest" });
    const { left, top, width, height } = element.getBoundingClientRect();
    const [x, y, far] = [left + width / 2, top + height / 2, LEAST / 2 - 0.5];
    return [-far, 0, far].every((dx) => [-far, 0, far].every((dy) => hits(element, x + dx, y + dy)));
  };

  const tooSmall = () =>
    shown(TARGETS)
      .filter((element) => !isInSentence(element) && !canBeHit(element))
      .map((element) => {
        const { width, height } = element.getBoundingClientRect();
        return `${named(element)} is ${Math.round(width)}×${Math.round(height)} px`;
      });

  const floats = (element) => {
    for (let one = element; one; one = one.parentElement) {
      if (["fixed", "sticky"].includes(getComputedStyle(one).position)) return true;
    }
    return false;
  };

  // What has the focus must be there to see, and no part of it under what stays while the page scrolls.
  // What is wider than the table that scrolls it to the side can never be seen whole.
  const isHidden = (element) => {
    const spots = [...element.getClientRects()]
      .filter(({ width, height }) => width > 1 && height > 1)
      .flatMap(({ left, right, top, height }) => {
        const y = Math.min(top + height / 2, Math.max(top, 0) + window.innerHeight / 2);
        return [left + 3, (left + right) / 2, right - 3].map((x) => [x, y]);
      });
    const covered = ([x, y]) => !hits(element, x, y) && floats(document.elementFromPoint(x, y)) && !floats(element);
    return spots.length > 0 && (spots.some(covered) || !spots.some(([x, y]) => hits(element, x, y)));
  };

  const hiddenFocus = () =>
    shown(FOCUSABLE)
      .filter((element) => {
        element.focus();
        return document.activeElement === element && isHidden(element);
      })
      .map(named);

  // What is wrong with where the focus is now, "" for nothing. A radio button is marked by its label too.
  const focusFault = () => {
    const element = document.activeElement;
    if (element === document.body || element === null) return "";
    if (isHidden(element)) return `the focus is hidden on ${named(element)}`;
    const marked = [element, element.closest("label")].some((one) => {
      const { outlineStyle, outlineWidth, boxShadow } = one ? getComputedStyle(one) : {};
      return (outlineStyle && outlineStyle !== "none" && parseFloat(outlineWidth) >= 1) || (boxShadow ?? "none") !== "none";
    });
    return marked ? "" : `nothing shows that the focus is on ${named(element)}`;
  };

  const isFocused = (element, inGroup) => {
    const focused = document.activeElement;
    if (!inGroup) return focused === element;
    return focused.type === "radio" && focused.name === element.name && focused.form === element.form;
  };

  const tooWide = () => {
    const room = document.documentElement.clientWidth;
    const wide = document.documentElement.scrollWidth - room;
    if (wide <= 0) return [];
    const over = [...document.body.querySelectorAll("*")].filter(
      (element) => element.getBoundingClientRect().right > room + 1 && !element.closest(".table-responsive"),
    );
    return [`${wide} px too wide, from ${over[0] ? named(over[0]) : "somewhere"}`];
  };

  const milliseconds = (durations) =>
    Math.max(...durations.split(", ").map((said) => parseFloat(said) * (said.endsWith("ms") ? 1 : 1000)));

  const moving = () => {
    const found = new Set(document.getAnimations().map(({ effect }) => `${named(effect.target)} moves`));
    for (const element of document.querySelectorAll("*")) {
      for (const part of [null, "::before", "::after"]) {
        const style = getComputedStyle(element, part);
        const runs = style.animationName === "none" ? 0 : milliseconds(style.animationDuration);
        if (Math.max(runs, milliseconds(style.transitionDuration)) > LONGEST) {
          found.add(`${element.tagName.toLowerCase()}.${element.className}${part ?? ""}`);
        }
      }
    }
    return [...found];
  };

  const frame = () => new Promise((go) => requestAnimationFrame(go));

  // What stood there and was pushed about since the page began, once all of it is drawn.
  const shift = async () => {
    await frame();
    await frame();
    const observer = new PerformanceObserver(() => {});
    observer.observe({ type: "layout-shift", buffered: true });
    const moves = observer.takeRecords().filter((entry) => !entry.hadRecentInput);
    observer.disconnect();
    return moves.map(({ value, sources }) => {
      const what = sources.map(({ node }) => (node instanceof Element ? named(node) : node?.nodeName));
      return `${value.toFixed(4)}: ${what.join(", ")}`;
    });
  };

  // Bytes of the page itself, as they came.
  const weight = () => performance.getEntriesByType("navigation")[0].encodedBodySize;

  const loaded = () => performance.getEntriesByType("resource").map(({ name }) => name);

  const openAll = () => {
    for (const details of document.querySelectorAll("main details, #content details")) details.open = true;
  };

  window.look = { tooSmall, hiddenFocus, tooWide, moving, shift, weight, loaded, openAll, focusFault, isFocused };
})();
