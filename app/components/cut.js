const NS = 'http://www.w3.org/2000/svg';
// index of the first value that is >= x in an ascending array
const first = (a, x) => { let lo = 0, hi = a.length; while (lo < hi) { const m = (lo + hi) >> 1; if (a[m] < x) lo = m + 1; else hi = m; } return lo; };
export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const svg = parentElement.querySelector('svg'), out = parentElement.querySelector('.out'), key = parentElement.querySelector('.key');
  const edges = data.edges, low = edges[0], high = edges[edges.length - 1], top = 14, foot = 34, side = 6, height = 250;
  const clamp = v => Math.min(high + (high - low) / 200, Math.max(low, v));
  // What the person set last is newer than what the server knew when it drew this again.
  let cut = clamp(parentElement.lastCut ?? data.cut), width = 0, moving = false, timer = null;
  const scale = v => side + Math.pow(Math.max(0, v - low) / (high - low), 1 / data.power) * (width - 2 * side);
  const value = px => low + Math.pow(Math.max(0, (px - side) / (width - 2 * side)), data.power) * (high - low);
  const put = (name, attributes, text) => {
    const e = document.createElementNS(NS, name); for (const k in attributes) e.setAttribute(k, attributes[k]);
    if (text !== undefined) e.textContent = text; svg.appendChild(e); return e; };
  const tick = v => Math.abs(v) < (high - low) / 1000 ? '0' : Math.abs(v) < 1e5 && Math.abs(v) >= 100 ? String(Math.round(v)) : v.toPrecision(3);
  const n = x => x.toLocaleString('en-US');
  const share = (x, of) => of ? (100 * x / of).toFixed(1) + ' %' : '–';
  let line, knob, gone, label;
  function draw() {
    width = svg.clientWidth || 400; svg.replaceChildren();
    const most = Math.max(1, ...data.clean.map((c, i) => c + (data.poison ? data.poison[i] : 0))), floor = height - foot, unit = (floor - top) / most;
    gone = put('rect', { class: 'gone', y: top, height: floor - top });
    for (let i = 0; i < data.clean.length; i++) {
      const x = scale(edges[i]) + .5, w = Math.max(1, scale(edges[i + 1]) - scale(edges[i]) - 1), p = data.poison ? data.poison[i] : 0;
      const hc = data.clean[i] ? Math.max(2, data.clean[i] * unit) : 0, hp = p ? Math.max(3, p * unit) : 0;
      if (hc) put('rect', { x, width: w, y: floor - hc, height: hc, fill: data.colours[0] });
      if (hp) { put('rect', { x, width: w, y: floor - hc - hp, height: hp, fill: data.colours[1] });
        put('line', { x1: x, x2: x + w, y1: floor - hc, y2: floor - hc - hp, stroke: '#fff', 'stroke-width': 1.2, 'stroke-opacity': .8 }); }
    }
    put('line', { class: 'axis', x1: 0, x2: width, y1: floor, y2: floor });
    for (let i = 0; i <= 4; i++) { const v = low + Math.pow(i / 4, data.power) * (high - low);
      put('text', { x: scale(v), y: height - 18, 'text-anchor': i === 0 ? 'start' : i === 4 ? 'end' : 'middle' }, tick(v)); }
    put('text', { x: width / 2, y: height - 2, 'text-anchor': 'middle' }, data.power === 1 ? 'Suspicion score' : 'Suspicion score (square-root scale)');
    put('text', { x: 2, y: 11 }, n(most) + ' rows');
    if (data.own !== null) { const x = scale(clamp(data.own)); put('line', { class: 'own', x1: x, x2: x, y1: top, y2: floor }); }
    line = put('line', { class: 'line', y1: top - 6, y2: floor }); knob = put('circle', { class: 'knob', r: 9, cy: (top + floor) / 2 });
    move(cut);
  }
  function move(v) {
    cut = clamp(v); parentElement.lastCut = cut; const x = scale(cut);
    line.setAttribute('x1', x); line.setAttribute('x2', x); knob.setAttribute('cx', x);
    gone.setAttribute('x', x); gone.setAttribute('width', Math.max(0, width - side - x));
    const c = data.cleanScores.length - first(data.cleanScores, cut), all = data.cleanScores.length;
    let words;
    if (data.poisonScores) { const p = data.poisonScores.length - first(data.poisonScores, cut), of = data.poisonScores.length;
      words = `A cut at ${cut.toPrecision(3)} removes <b>${n(c + p)}</b> of ${n(all + of)} rows:<br>` +
        (of ? `<b>${n(p)}</b> of ${n(of)} poisons caught` : 'no poison is among them') + `, <b>${n(c)}</b> of ${n(all)} clean rows lost.`;
      if (of) words += `<br><span class="rates">Precision ${share(p, c + p)} · recall ${share(p, of)}` +
        (data.auroc === null ? '' : ` · AUROC ${data.auroc.toFixed(3)}`) + '</span>';
    } else words = `A cut at ${cut.toPrecision(3)} removes <b>${n(c)}</b> of ${n(all)} rows.<br>Which of them are poisons is hidden.`;
    out.innerHTML = words;  // numbers only
    svg.setAttribute('aria-valuemin', low); svg.setAttribute('aria-valuemax', high); svg.setAttribute('aria-valuenow', cut.toPrecision(4));
    svg.setAttribute('aria-valuetext', out.textContent);
  }
  const report = () => { clearTimeout(timer); timer = null; setStateValue('cut', cut); };
  const at = e => value(e.clientX - svg.getBoundingClientRect().left);
  svg.onpointerdown = e => { moving = true; svg.classList.add('held'); svg.setPointerCapture(e.pointerId); svg.focus({ preventScroll: true }); move(at(e)); e.preventDefault(); };
  svg.onpointermove = e => { if (moving) move(at(e)); };
  svg.onpointerup = () => { if (moving) { moving = false; report(); } };
  svg.onpointercancel = svg.onpointerup;
  svg.onkeydown = e => {
    const by = share => value(scale(cut) + share * (width - 2 * side)), step = e.shiftKey ? .05 : .005;
    const to = { ArrowLeft: by(-step), ArrowDown: by(-step), ArrowRight: by(step), ArrowUp: by(step),
      PageDown: by(-.1), PageUp: by(.1), Home: low, End: high }[e.key];
    if (to === undefined) return;
    svg.classList.remove('held'); e.preventDefault(); move(to); clearTimeout(timer); timer = setTimeout(report, 350); };
  svg.onblur = () => { if (timer) report(); };
  key.replaceChildren();
  const names = data.poison ? ['Clean rows', 'Poisons'] : ['Rows'];
  names.forEach((name, i) => { const s = document.createElement('span'), m = document.createElement('i'); m.style.background = data.colours[i]; s.append(m, name); key.append(s); });
  if (data.own !== null) { const s = document.createElement('span'); s.textContent = '┊ the filter’s own cut'; key.append(s); }
  draw();
  const watch = new ResizeObserver(() => { if (Math.abs((svg.clientWidth || 400) - width) > 1) draw(); });
  watch.observe(svg);
  return () => { watch.disconnect(); clearTimeout(timer); };
}
