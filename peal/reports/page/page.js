"use strict";
// The page is whole without this: it unfolds, filters, and opens what a link leads to.
for (const article of document.querySelectorAll("article")) {
  const tasks = article.querySelectorAll("details.task");
  const tools = article.querySelector(".tools");
  tools.hidden = false;
  tools.querySelector(".filter").addEventListener("change", (event) => {
    for (const task of tasks) task.hidden = event.target.value !== "" && task.dataset.state !== event.target.value;
  });
  for (const [name, open] of [[".unfold", true], [".fold", false]]) {
    tools.querySelector(name).addEventListener("click", () => { for (const task of tasks) task.open = open; });
  }
}
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) { target.hidden = false; target.open = true; target.scrollIntoView(); }
}
addEventListener("hashchange", openTarget);
openTarget();
