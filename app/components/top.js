export default function (component) {
  const before = document.body.dataset.place, now = document.body.dataset.place = component.data;
  if (before !== undefined && before !== now) document.querySelector('[data-testid=stMain]')?.scrollTo(0, 0);
}
