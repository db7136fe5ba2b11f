#!/usr/bin/env python3
"""Measures report pages in headless Chromium: nothing overflows, no labels overlap, contrast >= 4.5.

  check_layout.py PROGRAM [--keep FOLDER]

Renders the pages of tests/report/make_runs.py at 360 and 1280 pixels, light and dark. Each page is
framed in another one that injects the measuring script, since a window cannot be 360 wide. Ends with
77 (skipped) where there is no Chromium.
"""
import html
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import make_runs  # noqa: E402

WIDTHS = (360, 1280)
LEAST_CONTRAST = 4.5

MEASURE = r"""
function numbers(colour) {
  const parts = colour.match(/[\d.]+/g).map(Number);
  return parts.length > 3 ? parts : [...parts, 1];
}
function luminance(c) {
  const f = v => { v /= 255; return v <= 0.03928 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4); };
  return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]);
}
function behind(node) {
  for (; node; node = node.parentElement) {
    const c = numbers(getComputedStyle(node).backgroundColor);
    if (c[3] > 0) return c;
  }
  return [255, 255, 255, 1];
}
function measure() {
  const problems = [], seen = {svg_texts: 0, texts: 0, lowest_contrast: 99, owned: document.title};
  const name = n => n.tagName + '.' + (n.getAttribute('class') || '') + ' "' +
      (n.textContent || '').trim().slice(0, 40) + '"';
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth)
    problems.push('page is ' + root.scrollWidth + ' wide in ' + root.clientWidth);
  for (const node of document.querySelectorAll('body *')) {
    if (node.closest('thead') && getComputedStyle(node.closest('thead')).position === 'absolute') continue;
    const box = node.getBoundingClientRect();
    if (box.width && (box.right > root.clientWidth + 1 || box.left < -1))
      problems.push('outside the page: ' + name(node));
    if (!(node instanceof SVGElement) && node.clientWidth && node.scrollWidth > node.clientWidth + 1)
      problems.push('overflows: ' + name(node));
    if (!(node instanceof SVGElement) && node.parentElement && node.matches('td,th,li,dd,p,figure')) {
      const size = getComputedStyle(node);
      if (box.width < 24 && node.textContent.trim().length > 6) problems.push('crushed: ' + name(node));
      if (parseFloat(size.fontSize) < 11) problems.push('small type: ' + name(node));
    }
    const own = [...node.childNodes].some(c => c.nodeType === 3 && c.textContent.trim());
    const hidden = node.matches('title,desc,style,script') || !box.width;
    if (own && !hidden) {
      const style = getComputedStyle(node), drawn = node instanceof SVGElement;
      const a = luminance(numbers(drawn ? style.fill : style.color)), b = luminance(behind(node));
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      seen.texts += 1;
      seen.lowest_contrast = Math.min(seen.lowest_contrast, contrast);
      if (contrast < LEAST) problems.push('contrast ' + contrast.toFixed(2) + ': ' + name(node));
    }
  }
  for (const svg of document.querySelectorAll('svg.chart')) {
    const frame = svg.getBoundingClientRect(), texts = [...svg.querySelectorAll('text')];
    const boxes = texts.map(t => t.getBoundingClientRect());
    seen.svg_texts += texts.length;
    if (!svg.querySelector('title') || !svg.getAttribute('aria-label')) problems.push('chart without name');
    boxes.forEach((p, i) => {
      if (p.left < frame.left - 1 || p.right > frame.right + 1 || p.top < frame.top - 1 ||
          p.bottom > frame.bottom + 1) problems.push('label outside its chart: ' + name(texts[i]));
      if (p.height < 8) problems.push('tiny label: ' + name(texts[i]));
      for (let j = i + 1; j < boxes.length; ++j) {
        const q = boxes[j];
        if (p.left < q.right - 0.5 && q.left < p.right - 0.5 && p.top < q.bottom - 2 && q.top < p.bottom - 2)
          problems.push('labels overlap: ' + name(texts[i]) + ' and ' + name(texts[j]));
      }
    });
  }
  for (const node of document.querySelectorAll('script,img,link,iframe,object'))
    if (!node.dataset.measure) problems.push('foreign element: ' + name(node));
  return {problems, seen};
}
"""


def chromium():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return shutil.which(name)
    return None


def dump(browser, page, width, dark, scratch):
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--hide-scrollbars", "--allow-file-access-from-files",
             f"--blink-settings=preferredColorScheme={0 if dark else 1}",
             f"--user-data-dir={scratch}/profile", f"--window-size={max(width, 600)},2000",
             "--virtual-time-budget=4000", "--dump-dom", page.as_uri()]
    done = subprocess.run([browser, *flags], capture_output=True, text=True, timeout=120)
    found = re.search(r'<pre id="measured">(.*?)</pre>', done.stdout, re.S)
    if not found:
        raise SystemExit(f"{page}: nothing measured; the browser said: {done.stderr[-500:]}")
    return json.loads(html.unescape(found.group(1)))


def measuring_copy(page, folder, width):
    """The page with the script put in, and the page that frames it at `width`."""
    text = page.read_text(encoding="utf-8")
    if "<script" in text.lower().split("<style>")[0]:
        raise SystemExit(f"{page}: a script in the head")
    text, count = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    if count != 1:
        raise SystemExit(f"{page}: no Content-Security-Policy")
    script = ("<script data-measure=1>" + MEASURE.replace("LEAST", str(LEAST_CONTRAST)) +
              "addEventListener('load',()=>parent.postMessage(JSON.stringify(measure()),'*'));"
              "</script></body>")
    inner = folder / f"inner-{width}.html"
    inner.write_text(text.replace("</body>", script), encoding="utf-8")
    outer = folder / f"outer-{width}.html"
    outer.write_text(
        "<body style='margin:0'><pre id=none></pre><script>addEventListener('message',e=>{"
        "const p=document.createElement('pre');p.id='measured';p.textContent=e.data;"
        "document.body.append(p)})</script>"
        f"<iframe src='{inner.name}' style='border:0;width:{width}px;height:1900px'></iframe>",
        encoding="utf-8")
    return outer


def check(program, folder):
    browser = chromium()
    if browser is None:
        print("skipped: no chromium")
        return 77
    runs = folder / "runs"
    make_runs.make_runs(program, runs)
    pages = []
    for names in (["plain"], ["private"], ["hostile"], ["bare"], ["plain", "private", "bare"]):
        page = folder / ("-".join(names) + ".html")
        make_runs.call(program, "report", *[runs / name for name in names], "--out", page)
        pages.append(page)
    failed = False
    for page in pages:
        for width in WIDTHS:
            outer = measuring_copy(page, folder, width)
            for dark in (False, True):
                result = dump(browser, outer, width, dark, folder)
                problems = result["problems"]
                if result["seen"]["owned"] == "owned":
                    problems.append("a name from the data ran as a script")
                seen = result["seen"]
                print(f"{page.stem} {width} {'dark' if dark else 'light'}: {seen['texts']} texts, "
                      f"{seen['svg_texts']} labels, lowest contrast {seen['lowest_contrast']:.2f}, "
                      f"{len(problems)} problems")
                for problem in problems[:12]:
                    print("  " + problem)
                failed = failed or bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[2] == "--keep":
        sys.exit(check(sys.argv[1], pathlib.Path(sys.argv[3]).resolve()))
    with tempfile.TemporaryDirectory() as scratch_folder:
        sys.exit(check(sys.argv[1], pathlib.Path(scratch_folder).resolve()))
