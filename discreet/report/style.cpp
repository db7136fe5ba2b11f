#include "discreet/report/internal/style.h"

namespace discreet::report::internal {

// Every text colour has a contrast of at least 4.5 to its background in both schemes;
// tests/report/check_layout.py measures it. Tables become lists of cards on narrow screens, so that
// nothing scrolls sideways.
const char* const kStyle = R"css(
:root{color-scheme:light dark;--page:#f6f7f9;--card:#ffffff;--ink:#17202c;--muted:#4a5565;--rule:#d4dae3;
--a:#1749b5;--b:#a8480a;--c:#0b6b4f;--d:#86198f;--good:#0b6b4f;--warn:#9a3412;--warnbg:#fff4e8}
@media (prefers-color-scheme:dark){:root{--page:#0f1318;--card:#181e26;--ink:#e8ecf2;--muted:#b3bdca;
--rule:#3a4554;--a:#8db7ff;--b:#ffb37a;--c:#6fdcb5;--d:#f0a3f5;--good:#6fdcb5;--warn:#ffb37a;--warnbg:#2b2118}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;
overflow-wrap:anywhere}
main{max-width:1120px;margin:0 auto;padding:20px 16px 48px}
h1{font-size:1.55rem;line-height:1.25;margin:0 0 4px}
h2{font-size:1.25rem;margin:36px 0 10px}
h3{font-size:1.02rem;margin:24px 0 8px}
p{margin:6px 0}
.sub,figcaption,.note{color:var(--muted)}
.sub,.note{font-size:.9rem}
.card{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:14px 16px;margin:12px 0}
.verdict{display:grid;grid-template-columns:8.5rem 1fr;gap:6px 14px;margin:0}
.verdict dt{font-weight:650}
.verdict dd{margin:0}
.badge{display:inline-block;border:1px solid currentColor;border-radius:999px;padding:0 9px;font-size:.82rem;font-weight:600}
.private{color:var(--good)}.open{color:var(--warn)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:10px;padding:0;margin:12px 0;list-style:none}
.facts li{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:10px 12px}
.facts b{display:block;font-size:1.2rem;line-height:1.3}
.facts span{color:var(--muted);font-size:.85rem}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(300px,100%),1fr));gap:12px}
.charts>figure{max-width:440px}
.charts,.pair,.halves{margin:12px 0}
.halves{display:grid;gap:12px;grid-template-columns:repeat(auto-fit,minmax(min(340px,100%),1fr))}
.pair{display:grid;gap:12px;grid-template-columns:minmax(0,1fr)}
@media (min-width:900px){.pair{grid-template-columns:minmax(0,420px) minmax(0,1fr);align-items:start}}
figure{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:12px;min-width:0}
figcaption{font-size:.95rem;font-weight:600;margin-bottom:4px}
svg.chart{display:block;width:100%;height:auto}
svg text{fill:var(--muted);font:12px system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
svg text.label{fill:var(--ink);font-weight:600}
.grid{stroke:var(--rule);stroke-width:1}.axis{stroke:var(--muted);stroke-width:1}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.line.s0,.bar.s0{stroke:var(--a)}.line.s1,.bar.s1{stroke:var(--b)}.line.s2,.bar.s2{stroke:var(--c)}.line.s3,.bar.s3{stroke:var(--d)}
.line.s1{stroke-dasharray:7 3}.line.s2{stroke-dasharray:2 3}.line.s3{stroke-dasharray:9 3 2 3}
.bar{fill:none;stroke-width:2}
.dot{stroke:var(--card);stroke-width:1}
.dot.s0{fill:var(--a)}.dot.s1{fill:var(--b)}.dot.s2{fill:var(--c)}.dot.s3{fill:var(--d)}
.dot.hollow{fill:var(--card);stroke:var(--b);stroke-width:2}
.band{stroke:none;opacity:.18}.band.s0{fill:var(--a)}.band.s1{fill:var(--b)}.band.s2{fill:var(--c)}.band.s3{fill:var(--d)}
.chance{stroke:var(--muted);stroke-width:1.5;stroke-dasharray:4 4}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 14px;margin:4px 0 0;padding:0;font-size:.85rem;color:var(--muted)}
.key{width:26px;height:10px;margin-right:6px}
table{border-collapse:collapse;width:100%;background:var(--card);border:1px solid var(--rule);border-radius:10px;font-size:.93rem;
font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--muted);font-size:.9rem;padding:0 0 6px}
th,td{text-align:left;min-width:5.6em;padding:7px 10px;border-top:1px solid var(--rule);vertical-align:top}
thead th{border-top:0;color:var(--muted);font-weight:600}
.iv{white-space:nowrap}
ul.caveats{padding-left:1.2em}ul.caveats.card{padding-left:2em}ul.caveats{margin:6px 0}
ul.caveats li{margin:4px 0}
.warn{background:var(--warnbg);border-color:var(--warn)}
@media (max-width:680px){
.verdict{grid-template-columns:1fr;gap:0}.verdict dd{margin-bottom:8px}
table,caption,tbody,tr,td,tbody th{display:block;width:100%}
caption{padding:8px 12px}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{border-top:1px solid var(--rule);padding:8px 0}tbody tr:first-child{border-top:0}
td,tbody th{border:0;min-width:0;padding:3px 12px}
td::before{content:attr(data-label) ": ";color:var(--muted)}
}
@media print{
:root{--page:#fff;--card:#fff;--ink:#000;--muted:#333;--rule:#bbb;--a:#1749b5;--b:#a8480a;--c:#0b6b4f;--d:#86198f;--good:#0b6b4f;
--warn:#9a3412;--warnbg:#fff;color-scheme:light}
body{font-size:11pt}main{max-width:none;padding:0}
figure,.card,tr,.facts li{break-inside:avoid}h2,h3{break-after:avoid}
.charts{grid-template-columns:1fr 1fr}.pair{grid-template-columns:1fr}.pair>figure{max-width:420px}
}
)css";

}  // namespace discreet::report::internal
