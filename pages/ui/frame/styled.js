// Tells the server when the style of the pages is in force, and raises the curtain at the latest
// after a while, whatever became of the script that should.
const LONGEST = 45_000; // milliseconds: a server that starts beside other work takes half a minute

export default function ({ setTriggerValue }) {
  setTimeout(() => {
    document.documentElement.dataset.raised = "true";
  }, LONGEST);
  const look = () => {
    const there = getComputedStyle(document.documentElement).getPropertyValue("--pl-styled");
    if (there) setTriggerValue("there", true);
    else setTimeout(look, 20);
  };
  look();
}
