const EMPTY = '------', PAST = 50;
const NAMES = { ffffff: 'white', '000000': 'black', d55e00: 'red', ffd400: 'yellow', '009e73': 'green', '0072b2': 'blue' };
export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const grid = parentElement.querySelector('.cells'), palette = parentElement.querySelector('.palette'), out = parentElement.querySelector('.out');
  const undo = parentElement.querySelector('.undo'), clear = parentElement.querySelector('.clear');
  const my = parentElement.pixels ??= { text: null, past: [], pen: data.palette[0], own: '#cc79a7', row: 0, column: 0, drawing: false, timer: null, sent: data.seq };
  const read = text => text.slice(6).split('.').map(row => row.match(/.{6}/g));
  const written = () => 'drawn:' + my.cells.map(row => row.join('')).join('.');
  // What was drawn last is newer than what the server knew when it drew this again.
  if (data.seq >= my.sent && my.timer === null && !my.drawing && my.text !== data.drawing) {
    const other = my.cells && my.cells.length !== read(data.drawing).length;
    my.text = data.drawing; my.cells = read(data.drawing); if (other) my.past = []; }
  const side = my.cells.length;
  my.row = Math.min(my.row, side - 1); my.column = Math.min(my.column, side - 1);
  grid.style.gridTemplateColumns = `repeat(${side}, 1fr)`;
  grid.replaceChildren(...my.cells.flat().map(() => document.createElement('i')));
  const say = name => name === EMPTY ? 'empty' : NAMES[name] ?? '#' + name;
  function draw() {
    [...grid.children].forEach((cell, i) => { const row = Math.floor(i / side), column = i % side, colour = my.cells[row][column];
      cell.style.background = colour === EMPTY ? '' : '#' + colour; cell.classList.toggle('here', row === my.row && column === my.column); });
    grid.setAttribute('aria-label', `${data.label}. Row ${my.row + 1}, column ${my.column + 1} of ${side}: ${say(my.cells[my.row][my.column])}. Pen: ${say(my.pen)}.`);
    undo.disabled = !my.past.length;
    for (const button of palette.querySelectorAll('button')) button.setAttribute('aria-pressed', String(button.dataset.colour === my.pen)); }
  const bare = () => my.cells.flat().every(cell => cell === EMPTY);
  function report(soon) {
    clearTimeout(my.timer);
    my.timer = setTimeout(() => { my.timer = null; if (bare()) return; my.text = written(); my.sent += 1; setStateValue('drawing', { text: my.text, seq: my.sent }); }, soon);
    out.textContent = bare() ? 'An empty drawing is no trigger: give a cell a colour.' : data.hint; }
  const keep = () => { my.past.push(my.cells.map(row => [...row])); if (my.past.length > PAST) my.past.shift(); };
  function paint(row, column, colour) {
    my.row = row; my.column = column;
    if (my.cells[row][column] !== colour) { my.cells[row][column] = colour; report(60); }
    draw(); }
  const at = event => { const box = grid.getBoundingClientRect(), place = (p, start, whole) => Math.min(Math.max(Math.floor((p - start) / whole * side), 0), side - 1);
    return [place(event.clientY, box.top, box.height), place(event.clientX, box.left, box.width)]; };
  grid.onpointerdown = event => { if (event.button) return; keep(); my.drawing = true; grid.setPointerCapture(event.pointerId); grid.focus({ preventScroll: true });
    const [row, column] = at(event); my.with = my.cells[row][column] === my.pen ? EMPTY : my.pen; paint(row, column, my.with); event.preventDefault(); };
  grid.onpointermove = event => { if (my.drawing) paint(...at(event), my.with); };
  grid.onpointerup = grid.onpointercancel = () => { my.drawing = false; };
  function back() { if (!my.past.length) return; my.cells = my.past.pop(); report(0); draw(); }
  grid.onkeydown = event => {
    const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (by) { my.row = (my.row + by[0] + side) % side; my.column = (my.column + by[1] + side) % side; draw(); }
    else if (event.key === ' ' || event.key === 'Enter') { keep(); paint(my.row, my.column, my.pen); }
    else if (event.key === 'Delete' || event.key === 'Backspace') { keep(); paint(my.row, my.column, EMPTY); }
    else if (event.key === 'z' && (event.ctrlKey || event.metaKey)) back();
    else if (event.key >= '1' && event.key <= String(data.palette.length)) { my.pen = data.palette[event.key - 1]; draw(); }
    else return;
    event.preventDefault(); };
  undo.onclick = back;
  clear.onclick = () => { keep(); my.cells = my.cells.map(row => row.map(() => EMPTY)); report(0); draw(); };
  palette.replaceChildren(...[...data.palette, EMPTY].map((colour, i) => { const button = document.createElement('button');
    button.type = 'button'; button.dataset.colour = colour; button.title = button.ariaLabel = colour === EMPTY ? 'Eraser' : `${say(colour)}, key ${i + 1}`;
    if (colour === EMPTY) { button.className = 'none'; button.textContent = '✕'; } else button.style.background = '#' + colour;
    button.onclick = () => { my.pen = colour; draw(); }; return button; }));
  const own = document.createElement('input'); own.type = 'color'; own.value = my.own; own.title = own.ariaLabel = 'Another colour';
  own.oninput = () => { my.own = own.value; my.pen = own.value.slice(1).toLowerCase(); draw(); }; own.onclick = own.oninput; palette.append(own);
  if (my.timer === null) out.textContent = data.hint;
  draw();
  return () => {};
}
