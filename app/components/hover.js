export default function (component) {
  const { data, parentElement } = component;
  const tip = parentElement.querySelector('.ps-tip').cloneNode(true), brush = tip.querySelector('canvas').getContext('2d'), words = tip.querySelector('div');
  const place = new Map(data.rows.map((row, i) => [row, i])), sheet = new Image();
  sheet.src = data.sheet; document.body.appendChild(tip);
  let chart = null, on = null, over = false;
  const hovered = event => {
    let row = event.points[0].customdata; if (Array.isArray(row)) row = row[0];
    const i = place.get(row); if (i === undefined || !sheet.complete) return;
    brush.imageSmoothingEnabled = false;
    brush.drawImage(sheet, (i % data.columns) * data.width, Math.floor(i / data.columns) * data.height, data.width, data.height, 0, 0, 112, 112);
    words.textContent = row < 0 ? 'target' : 'row ' + row; tip.dataset.row = row;
    const { clientX: x, clientY: y } = event.event;
    tip.style.left = (x + 140 > innerWidth ? x - 136 : x + 16) + 'px'; tip.style.top = (y + 160 > innerHeight ? y - 150 : y + 16) + 'px';
    tip.hidden = false; };
  const left = () => { tip.hidden = true; };
  (function attach() {
    if (over) return;
    const found = document.querySelector('.st-key-' + data.chart + ' .js-plotly-plot');
    // Plotly may start anew in the same element; whoever listened before is forgotten then, and `on` is another function.
    if (found && found.on && (found !== chart || found.on !== on)) { chart = found; on = found.on; chart.on('plotly_hover', hovered); chart.on('plotly_unhover', left); }
    setTimeout(attach, 300); })();
  return () => { over = true; tip.remove();
    if (chart && chart.removeListener) { chart.removeListener('plotly_hover', hovered); chart.removeListener('plotly_unhover', left); } };
}
