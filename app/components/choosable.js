export default function (component) {
  const { data, setTriggerValue } = component;
  const of = event => event.target instanceof Element && event.target.closest('.st-key-' + data.wall + ' figure[data-row]');
  const chosen = event => { const tile = of(event); if (tile) setTriggerValue('row', Number(tile.dataset.row)); };
  const pressed = event => {
    const tile = of(event); if (!tile) return;
    if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); chosen(event); return; }
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]; if (!step) return;
    const all = [...tile.parentElement.children], next = all[all.indexOf(tile) + step];
    if (next) { event.preventDefault(); next.focus(); } };
  document.addEventListener('click', chosen); document.addEventListener('keydown', pressed);
  return () => { document.removeEventListener('click', chosen); document.removeEventListener('keydown', pressed); };
}
