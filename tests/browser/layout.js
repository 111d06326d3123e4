// What a person would see at a glance, measured: texts that are cut off or spilled, things on top of each other, texts too pale to read.
(main) => {
  const FLEETING = '.modebar, [data-testid=stElementToolbar]';  // appear under the pointer
  const all = [...main.querySelectorAll('*')].filter(e => e.checkVisibility() && !e.closest(FLEETING + ', style, script'));
  const texts = all.filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()));
  const said = e => e.textContent.trim().slice(0, 50);

  const cut = texts.filter(e => getComputedStyle(e).overflowX !== 'visible' && e.clientWidth > 1
    && e.scrollWidth > e.clientWidth + 1);

  const spilled = texts.filter(e => e.closest('.ps-card')
    && e.getBoundingClientRect().right > e.closest('.ps-card').getBoundingClientRect().right + 1);

  const things = all.filter(e => e.matches('button, h1, h2, h3, figure, .ps-chip, .ps-card, .ps-verdict, .js-plotly-plot'));
  const boxes = things.map(e => e.getBoundingClientRect()), collisions = [];
  for (let i = 0; i < things.length; i++) for (let j = i + 1; j < things.length; j++) {
    const across = Math.min(boxes[i].right, boxes[j].right) - Math.max(boxes[i].left, boxes[j].left);
    const down = Math.min(boxes[i].bottom, boxes[j].bottom) - Math.max(boxes[i].top, boxes[j].top);
    if (across > 2 && down > 2 && !things[i].contains(things[j])) collisions.push(said(things[i]) + ' | ' + said(things[j]));
  }

  // Contrast as WCAG 2 defines it; level AA asks for 4.5, and 3 where the text is large.
  const brush = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = colour => {
    brush.clearRect(0, 0, 1, 1); brush.fillStyle = colour; brush.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const linear = v => v <= 10.3 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4;
  const luminance = c => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
  const pale = [];
  for (const e of texts) {
    if (e.closest('[disabled], [aria-disabled=true]')) continue;
    if (e.closest('[data-testid=stSliderThumbValue]')) continue;  // stands above its parent, not on it
    const style = getComputedStyle(e), grounds = [];
    let strength = 1;
    for (let p = e; p; p = p.parentElement) {
      grounds.unshift(rgba(getComputedStyle(p).backgroundColor));
      strength *= Number(getComputedStyle(p).opacity);
    }
    if (strength === 0) continue;
    const ground = grounds.reduce((under, top) => over(top, under), [255, 255, 255, 1]);
    const ink = rgba(e instanceof SVGElement ? style.fill : style.color);
    const levels = [luminance(ground), luminance(over([...ink.slice(0, 3), ink[3] * strength], ground))].sort((a, b) => b - a);
    const ratio = (levels[0] + 0.05) / (levels[1] + 0.05), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.6 && Number(style.fontWeight) >= 600);
    if (ratio < (large ? 3 : 4.5)) pale.push(said(e) + ' ' + ratio.toFixed(2));
  }

  const wide = [main, document.documentElement].filter(e => e.scrollWidth > e.clientWidth).map(e => e.scrollWidth);
  return {measured: texts.length, wide, cut: cut.map(said), spilled: spilled.map(said), collisions, pale};
}
