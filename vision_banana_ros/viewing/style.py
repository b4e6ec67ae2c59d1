"""How the report's page looks, and its sliders' few lines of script."""

STYLE = """
:root{--ink:#1c1e21;--paper:#fff;--soft:#f2f3f5;--line:#d5d8dc;--a:#2f6fde;--b:#e07b1a}
@media (prefers-color-scheme:dark){:root{--ink:#e7e9ec;--paper:#16181b;--soft:#212429;--line:#3a3f46}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
header{padding:1.2rem 2rem;border-bottom:1px solid var(--line)}h1{margin:0 0 .4rem;font-size:1.5rem}
nav a{margin-right:1rem;color:var(--a)}main{padding:0 2rem 3rem;max-width:1500px;margin:auto}
h2{margin-top:2.2rem;border-bottom:1px solid var(--line);padding-bottom:.3rem}
table{border-collapse:collapse}th,td{text-align:left;padding:.3rem .9rem .3rem 0;vertical-align:top}
td{font-variant-numeric:tabular-nums}small{opacity:.75}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(320px,1fr));gap:1.2rem}
figure{margin:0;background:var(--soft);border-radius:6px;overflow:hidden}
.stack{position:relative;line-height:0}.stack img{width:100%;display:block}
.stack .over{position:absolute;inset:0;height:100%}.stack .over[hidden]{display:none}
.line{position:absolute;top:0;bottom:0;width:2px;background:#fff;left:50%;pointer-events:none}
.controls{display:flex;gap:1rem;padding:.5rem .7rem 0;align-items:center;flex-wrap:wrap}
.controls label{display:flex;gap:.4rem;align-items:center}figcaption{padding:.3rem .7rem .7rem;font-size:.9rem}
svg{width:100%;max-width:760px;display:block}svg text{font-size:11px;fill:var(--ink)}svg line{stroke:var(--line)}
rect.m0,.bar.m0,.key.m0{fill:var(--a);background:var(--a)}rect.m1,.bar.m1,.key.m1{fill:var(--b);background:var(--b)}
.shares{width:100%;max-width:760px}.wide{width:80%}.bar{height:.7rem;min-width:1px;display:inline-block;margin-right:.4rem}
.key{display:inline-block;width:.8rem;height:.8rem;margin:0 .3rem 0 .8rem}
"""

SCRIPT = """
for (const figure of document.querySelectorAll('.compare')) {
  const range = figure.querySelector('input'), select = figure.querySelector('select');
  const line = figure.querySelector('.line'), over = [...figure.querySelectorAll('.over')];
  const draw = () => {
    over.forEach((image, i) => {
      image.hidden = i !== Number(select.value);
      image.style.clipPath = `inset(0 ${100 - range.value}% 0 0)`;
    });
    line.style.left = range.value + '%';
    figure.dataset.shown = select.selectedOptions[0]?.text + ' ' + range.value;
  };
  range.addEventListener('input', draw);
  select.addEventListener('change', draw);
  draw();
}
"""
