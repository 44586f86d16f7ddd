// A header button sorts by its column: numerically if all cells are numbers, else as text; empty cells come last.
for (const button of document.querySelectorAll('thead button')) button.addEventListener('click', () => {
  const head = button.parentElement, body = head.closest('table').tBodies[0], k = head.cellIndex;
  const down = head.getAttribute('aria-sort') === 'ascending';
  for (const other of head.parentElement.cells) other.removeAttribute('aria-sort');
  head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
  const text = row => row.cells[k].textContent, gap = row => text(row) === '-';
  const number = row => /^[-+]?[\d.]/.test(text(row)) ? parseFloat(text(row)) : NaN;
  const numeric = [...body.rows].every(row => gap(row) || !isNaN(number(row)));
  const words = new Intl.Collator('en', {numeric: true});
  const order = (a, b) => numeric ? number(a) - number(b) : words.compare(text(a), text(b));
  const sorted = [...body.rows].sort((a, b) => gap(a) - gap(b) || (gap(a) ? 0 : down ? order(b, a) : order(a, b)));
  body.append(...sorted);
});
// The filter shows the rows that contain all of its words.
for (const input of document.querySelectorAll('input[type=search]')) input.addEventListener('input', () => {
  const part = input.closest('.part'), rows = [...part.querySelectorAll('tbody tr')];
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of rows) {
    row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word));
    shown += !row.hidden;
  }
  part.querySelector('output').textContent = words.length ? `${shown} of ${rows.length}` : '';
});
// All collapsed parts are expanded for printing.
addEventListener('beforeprint', () => document.querySelectorAll('details').forEach(part => { part.open = true; }));
