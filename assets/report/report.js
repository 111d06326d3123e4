// Draws every chart of the report from the numbers beside it, in the colours of the reader's theme; prints dark on white.
'use strict';
const night = matchMedia('(prefers-color-scheme: dark)');
const places = [...document.querySelectorAll('.plot')];
const look = (dark) => ({
  'font.color': dark ? '#e6e6e6' : '#222222', 'font.family': 'system-ui, sans-serif',
  'hoverlabel.bgcolor': dark ? '#26282e' : '#ffffff', 'hoverlabel.font.color': dark ? '#e6e6e6' : '#222222',
});

const drawn = places.map((place) => {
  const figure = JSON.parse(place.nextElementSibling.textContent);
  const name = place.previousElementSibling.textContent;
  const config = {displaylogo: false, responsive: true, toImageButtonOptions: {scale: 3, filename: name}};
  const {data, layout, frames} = figure;
  return Plotly.newPlot(place, {data, layout, frames, config}).then(() => Plotly.relayout(place, look(night.matches)));
});
Promise.all(drawn).then(() => document.documentElement.setAttribute('data-drawn', places.length));

const dress = (dark, size) => places.forEach((place) => Plotly.relayout(place, {...look(dark), ...size}));
night.addEventListener('change', () => dress(night.matches, {}));
addEventListener('beforeprint', () => dress(false, {autosize: false, width: 660}));  // what fits a sheet of A4 or letter
addEventListener('afterprint', () => dress(night.matches, {autosize: true, width: null}));
