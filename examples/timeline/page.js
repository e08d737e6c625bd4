"use strict";
// One job is in the order of the Tab key; arrow keys move to the others.
const rows = [...document.querySelectorAll(".row")];
let current = rows[0];
for (const row of rows) row.tabIndex = row === current ? 0 : -1;

function go(from, step) {
	for (let i = from; i >= 0 && i < rows.length; i += step) {
		if (rows[i].checkVisibility()) {
			rows[i].focus();
			return;
		}
	}
}

document.addEventListener("focusin", (event) => {
	if (!event.target.matches(".row")) return;
	current.tabIndex = -1;
	current = event.target;
	current.tabIndex = 0;
});

document.addEventListener("keydown", (event) => {
	if (event.altKey || event.ctrlKey || event.metaKey) return;
	if (event.key === "Escape") {
		for (const row of document.querySelectorAll(".row:hover, .row:focus")) row.classList.add("quiet");
	}
	const at = rows.indexOf(event.target);
	const moves = { ArrowDown: [at + 1, 1], ArrowUp: [at - 1, -1], Home: [0, 1], End: [rows.length - 1, -1] };
	if (at < 0 || !moves[event.key]) return;
	event.preventDefault();
	go(...moves[event.key]);
});

for (const name of ["focusout", "mouseout"]) {
	document.addEventListener(name, (event) => {
		const row = event.target.closest?.(".row");
		if (row && !row.contains(event.relatedTarget)) row.classList.remove("quiet");
	});
}

// A job that filters hide, or that is in a closed stage, cannot be in the order of the Tab key.
function keepOne() {
	if (current && !current.checkVisibility()) {
		const shown = rows.find((row) => row.checkVisibility());
		if (!shown) return;
		current.tabIndex = -1;
		current = shown;
		current.tabIndex = 0;
	}
}
document.addEventListener("change", keepOne);
document.addEventListener("toggle", keepOne, true);

// A link to a job opens its stage.
addEventListener("hashchange", () => {
	const job = document.getElementById(location.hash.slice(1));
	for (let at = job?.closest("details"); at; at = at.parentElement.closest("details")) at.open = true;
	job?.querySelector(".row")?.focus();
});
