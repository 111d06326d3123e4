const FAR = 1000;
export default function (component) {
  const { setTriggerValue } = component;
  const busy = 'textarea, select, [contenteditable], [role=slider], input:not([type=checkbox])';
  const pressed = event => {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const on = event.composedPath()[0];
    if (on instanceof Element && on.closest(busy)) return;
    const by = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1, Home: -FAR, End: FAR }[event.key];
    if (by === undefined) return;
    event.preventDefault(); setTriggerValue('by', by); };
  document.addEventListener('keydown', pressed); document.body.dataset.arrows = 'heard';
  return () => document.removeEventListener('keydown', pressed);
}
