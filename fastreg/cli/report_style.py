"""Hold the CSS of the page, for screens, phones and paper."""

STYLE = """
:root { --ink: #1d232a; --soft: #5b6570; --line: #dfe4e9; --blue: #1f5fa8; --orange: #c8561b;
  --paper: #ffffff; --ground: #f4f6f8; color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); line-height: 1.55;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
header, main, footer { max-width: 74rem; margin: 0 auto; padding: 0 1.5rem; }
header { padding-top: 2rem; }
.brand { margin: 0; color: var(--blue); font-weight: 700; letter-spacing: .04em; }
h1 { margin: .2rem 0 .3rem; font-size: 1.9rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 0 0 .8rem; font-size: 1.3rem; }
p { margin: 0 0 .8rem; max-width: 68ch; overflow-wrap: anywhere; }
.lead { color: var(--soft); max-width: none; }
nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.3rem; margin: 1.2rem 0; padding: 0;
  list-style: none; }
a { color: var(--blue); }
section, .figures-row { background: var(--paper); border: 1px solid var(--line);
  border-radius: .6rem; }
section { padding: 1.5rem; margin: 0 0 1.3rem; scroll-margin-top: 1rem; }
dl { margin: 0 0 1rem; display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr));
  gap: .8rem 1.5rem; }
dt { color: var(--soft); font-size: .85rem; overflow-wrap: anywhere; }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.figures-row { grid-template-columns: repeat(4, 1fr); padding: 1rem 1.5rem; margin: 1rem 0 0; }
.figures-row dd { font-size: 1.35rem; font-weight: 600; }
.figures-row div:last-child dd { color: #1b7340; }
.missed div:last-child dd { color: #b3261e; }
.verdict { padding: .7rem 1rem; border-radius: .4rem; font-weight: 600; max-width: none; }
.good { background: #e5f3ea; color: #12522d; }
.bad { background: #fbe9e7; color: #8c1d18; }
.scroll { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line); text-align: right;
  vertical-align: top; }
th:first-child { text-align: left; }
thead th { color: var(--soft); font-size: .85rem; font-weight: 600; }
tbody th { font-weight: 400; overflow-wrap: anywhere; min-width: 8rem; }
td { white-space: nowrap; }
.track { display: inline-block; width: 9rem; height: .7rem; margin-left: .8rem; text-align: left;
  background: var(--ground); border-radius: .2rem; vertical-align: baseline; }
.bar { display: block; height: 100%; min-width: 2px; border-radius: .2rem; }
.up { background: var(--blue); }
.down { background: var(--orange); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr));
  gap: 1.5rem; margin-top: 1rem; }
section p:last-child, section dl:last-child, section .scroll:last-child { margin-bottom: 0; }
figure { margin: 0; }
img { display: block; width: 100%; max-width: 36rem; height: auto; }
figcaption { color: var(--soft); font-size: .9rem; margin-top: .4rem; max-width: 36rem;
  overflow-wrap: anywhere; }
summary { cursor: pointer; color: var(--blue); padding: .3rem 0; }
footer { color: var(--soft); font-size: .9rem; padding-bottom: 2rem; }
@media (max-width: 640px) {
  header, main, footer { padding-left: .8rem; padding-right: .8rem; }
  header { padding-top: 1rem; }
  h1 { font-size: 1.45rem; }
  section { padding: 1rem; }
  .figures-row { grid-template-columns: repeat(2, 1fr); padding: .8rem 1rem; gap: .6rem 1rem; }
  .figures-row dd { font-size: 1.1rem; }
  dl { grid-template-columns: 1fr; gap: .5rem; }
  th, td { padding-right: .5rem; font-size: .92rem; }
  tbody th { min-width: 6rem; }
  .track { display: block; width: 5rem; margin: .2rem 0 0 auto; }
}
@media print {
  body { background: #ffffff; }
  nav { display: none; }
  section { break-inside: avoid; border: 0; padding: 0 0 1rem; }
}
"""
