// The filters of the coverage: rows that have all the words and the state that were chosen.
const words = document.getElementById("words");
const state = document.getElementById("state");
const count = document.getElementById("count");
const rows = [...document.querySelectorAll("tbody tr")].map((row) => [row, row.textContent.toLowerCase()]);

function filter() {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const [row, text] of rows) {
    const fits = (!state.value || row.dataset.state === state.value) && wanted.every((word) => text.includes(word));
    row.hidden = !fits;
    shown += fits ? 1 : 0;
  }
  count.textContent = `${shown} of ${rows.length}`;
}

words.addEventListener("input", filter);
state.addEventListener("change", filter);
filter();
