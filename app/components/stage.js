export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const ground = parentElement.querySelector('.ground'), canvas = ground.querySelector('canvas'), out = parentElement.querySelector('.out');
  // What outlives a redrawing: where the trigger is, whether it is held, and which place the server has not answered yet.
  const my = parentElement.stage ??= { row: 0, column: 0, held: false, sent: data.seq, flying: null, next: null, timer: null };
  const patch = data.patch, brush = canvas.getContext('2d');
  if (data.seq >= my.sent) { clearTimeout(my.timer); my.flying = null; }
  if (patch && !my.held && !my.next && my.flying === null) { my.row = patch.row; my.column = patch.column; }
  const inside = (place, side) => Math.min(Math.max(Math.round(place), 0), side - patch.size);
  const picture = new Image();
  picture.onload = draw; picture.src = data.image;
  function draw() {
    const side = Math.round((canvas.clientWidth || 320) * (window.devicePixelRatio || 1));
    if (canvas.width !== side) { canvas.width = side; canvas.height = side; }
    const dot = side / data.side;
    brush.imageSmoothingEnabled = false; brush.globalAlpha = 1; brush.drawImage(picture, 0, 0, side, side);
    if (!patch) return;
    const edge = place => Math.round(place * dot);
    patch.cells.forEach((cell, i) => {
      if (!cell) return;
      const y = my.row + Math.floor(i / patch.size), x = my.column + i % patch.size;
      brush.globalAlpha = patch.opacity; brush.fillStyle = cell;
      brush.fillRect(edge(x), edge(y), edge(x + 1) - edge(x), edge(y + 1) - edge(y)); });
    brush.globalAlpha = 1; brush.lineWidth = Math.max(1.5, side / 220);
    for (const [colour, dash] of [['#000', []], ['#fff', [side / 60, side / 60]]]) {
      brush.strokeStyle = colour; brush.setLineDash(dash);
      brush.strokeRect(edge(my.column) - 1, edge(my.row) - 1, edge(patch.size) + 2, edge(patch.size) + 2); }
  }
  function tell() {
    out.textContent = patch ? `Row ${my.row + 1}, column ${my.column + 1}. Drag it, or use the arrow keys.` : data.still; }
  // One place at a time is on its way; of those that come meanwhile the last one follows it.
  function send() {
    my.next = { row: my.row, column: my.column, held: my.held };
    if (my.flying === null) fly(); }
  function fly() {
    my.sent += 1; my.flying = my.sent; clearTimeout(my.timer); my.timer = setTimeout(() => { my.flying = null; if (my.next) fly(); }, 3000);
    setStateValue('at', { ...my.next, seq: my.sent }); my.next = null; }
  function move(row, column) {
    row = inside(row, data.side); column = inside(column, data.side);
    if (row === my.row && column === my.column) return;
    my.row = row; my.column = column; draw(); tell(); send(); }
  const at = event => { const box = canvas.getBoundingClientRect(), dot = box.width / data.side;
    return [(event.clientY - box.top) / dot, (event.clientX - box.left) / dot]; };
  ground.onpointerdown = event => {
    if (!patch || event.button) return;
    const [row, column] = at(event), over = (place, start) => place >= start && place < start + patch.size;
    const grabbed = over(row, my.row) && over(column, my.column);
    my.grip = grabbed ? [row - my.row, column - my.column] : [patch.size / 2, patch.size / 2];
    my.held = true; ground.classList.add('held'); ground.setPointerCapture(event.pointerId); ground.focus({ preventScroll: true });
    move(row - my.grip[0], column - my.grip[1]); event.preventDefault(); };
  ground.onpointermove = event => { if (my.held && patch) { const [row, column] = at(event); move(row - my.grip[0], column - my.grip[1]); } };
  ground.onpointerup = () => { if (my.held) { my.held = false; ground.classList.remove('held'); send(); } };
  ground.onpointercancel = ground.onpointerup;
  ground.onkeydown = event => {
    const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!by || !patch) return;
    const far = event.shiftKey ? 4 : 1; event.preventDefault(); move(my.row + far * by[0], my.column + far * by[1]); };
  ground.classList.toggle('movable', !!patch); ground.setAttribute('aria-label', data.label);
  tell(); if (my.flying === null && my.next) fly();
  const watch = new ResizeObserver(() => { if (picture.complete) draw(); });
  watch.observe(canvas);
  return () => watch.disconnect();
}
