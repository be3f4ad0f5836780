//! `flamegraph`: pictures and pages, opened in Chromium.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::browser::Browser;
use super::util::{assert_same, dumps, fixture, folder, program, run, series};

/// `flamegraph DUMP … -o FILE`
fn draw(dump: &Path, name: &str, flags: &[&str]) -> PathBuf {
    let file = folder(&format!("flamegraph-{name}")).join(name);
    run(program()
        .arg("flamegraph")
        .arg(dump)
        .args(flags)
        .arg("-o")
        .arg(&file))
    .ok();
    file
}

/// [path, size, width, left] of each box of a picture, from its markup and its titles alone.
const PICTURE_BOXES: &str = r#"(() => {
    const boxes = [...document.getElementsByClassName("f")].map((f) => ({
        name: f.getElementsByTagName("title")[0].textContent.split("\n")[0],
        size: f.getElementsByTagName("title")[0].textContent.split("\n")[1].split(" (")[0],
        depth: Number(f.dataset.depth),
        width: parseFloat(f.getAttribute("width")), left: parseFloat(f.getAttribute("x")),
    }));
    const open = [];
    return boxes.map((box) => {
        open.length = box.depth;
        open.push(box.name);
        return [open.slice(1).join(";"), box.size, box.width, box.left];
    });
})()"#;

/// The same of a page, by what it draws.
const PAGE_BOXES: &str = r#"(() => {
    const tree = theTree();
    return [...document.getElementsByClassName("f")].map((f) => {
        const at = Number(f.dataset.node);
        const path = [];
        for (let i = 1; i <= at; i += 1) {
            if (tree.end[i] > at) path.push(framePath(tree.frame[i]));
        }
        return [path.join(";"), sizeText(tree.size[at]), parseFloat(f.style.width),
            parseFloat(f.style.left)];
    });
})()"#;

/// Boxes must be those of Python's tree: names, sizes, widths.
#[track_caller]
fn assert_boxes(context: &str, boxes: &Value, tree: &Value) {
    let tree = tree.as_object().expect("an object");
    let size = |path: &str| tree.get(path).and_then(|sums| sums[0].as_f64());
    let whole = size("").expect("the root");
    let mut seen = BTreeMap::new();
    for of in boxes.as_array().expect("a list") {
        let path = of[0].as_str().expect("a path");
        let Some(size) = size(path) else {
            panic!("{context}: there is no {path}");
        };
        assert_eq!(
            of[1],
            snapshot::format_size(size, false),
            "{context}: {path}"
        );
        let width = of[2].as_f64().expect("a width");
        assert!(
            (width - size / whole * 100.0).abs() < 0.001,
            "{context}: {path} {width}"
        );
        assert!(
            seen.insert(path.to_owned(), size).is_none(),
            "{context}: {path} is there twice"
        );
    }
    // A box stands on its caller, beside the others that do.
    let boxes = boxes.as_array().expect("a list").iter();
    let mut free: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for of in boxes {
        let path = of[0].as_str().expect("a path");
        let (width, left) = (
            of[2].as_f64().expect("a width"),
            of[3].as_f64().expect("a place"),
        );
        if !path.is_empty() {
            let caller = path.rsplit_once(';').map_or("", |(caller, _)| caller);
            let (from, to) = free.get_mut(caller).expect("callers come first");
            let is_inside = left > *from - 0.001 && left + width < *to + 0.001;
            assert!(
                is_inside,
                "{context}: {path} at {left}, and there is room from {from} to {to}"
            );
            *from = left + width;
        }
        free.insert(path, (left, left + width));
    }
}

#[test]
fn pictures_and_pages_show_pythons_numbers() {
    let Some(mut browser) = Browser::start("numbers") else {
        return;
    };
    browser.screen(1300, 900, "light");
    for (dump, python) in dumps() {
        for (question, flag) in [("tree", "--icicle"), ("inverted_tree", "--inverted")] {
            let tree = python.ask(question, &[&dump]);
            let context = format!("{question} of {}", dump.display());
            let picture = draw(&dump, "a.svg", &["--min-share=0.2", flag]);
            browser.open(&picture);
            assert_boxes(&context, &browser.evaluate(PICTURE_BOXES), &tree);
            browser.nothing_is_wrong();

            let page = draw(&dump, "a.html", &["--min-share=0", flag]);
            browser.open(&page);
            assert_boxes(&context, &browser.evaluate(PAGE_BOXES), &tree);
            // All nodes are in the page, also those that are too narrow to be drawn.
            let nodes = browser.evaluate("theTree().depth.length");
            assert_eq!(
                nodes.as_u64(),
                tree.as_object().map(|tree| tree.len() as u64)
            );

            // The table is `top`.
            let top = run(program().args(["top", "--json", "-n0"]).arg(&dump)).json();
            let rows = "data.lines.map((line) => [framePath(line[0]), line[1], line[2]])";
            let groups = top["groups"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|group| {
                    let frame = &group["traceback"][0];
                    let name = frame["filename"].as_str().unwrap_or("");
                    json!([
                        format!("{name}:{}", frame["lineno"]),
                        group["size"],
                        group["count"]
                    ])
                });
            assert_same(&context, &browser.evaluate(rows), &groups.collect());
            let total = snapshot::format_size(top["total"]["size"].as_f64().unwrap_or(0.0), false);
            assert_eq!(
                browser.evaluate("document.querySelector('#facts b').textContent"),
                json!(total)
            );
            browser.nothing_is_wrong();
        }
    }
}

#[test]
fn a_page_zooms_searches_and_sorts() {
    let Some(mut browser) = Browser::start("page") else {
        return;
    };
    browser.screen(1300, 900, "light");
    browser.open(&draw(&fixture(), "page.html", &[]));
    browser.screenshot("page-light");

    // A click zooms: the box and its callers are as wide as the graph, and Escape goes back.
    let named = |name: &str| {
        format!(
            "[...document.querySelectorAll('.f')].find((f) => f.dataset.node > 0 && frameName(theTree().frame[f.dataset.node]) === '{name}')"
        )
    };
    let before = browser.evaluate("document.querySelectorAll('.f').length");
    let target = named("decoder.py:375");
    let width = format!("parseFloat({target}.style.width)");
    assert!(
        browser
            .evaluate(&width)
            .as_f64()
            .is_some_and(|width| width < 50.0)
    );
    browser.click(&target);
    assert_eq!(browser.evaluate(&width), json!(100));
    let dim = "[...document.querySelectorAll('.f.dim')].map((f) => parseFloat(f.style.width))";
    let dim = browser.evaluate(dim);
    assert!(
        dim.as_array()
            .is_some_and(|all| all.len() > 2 && all.iter().all(|w| *w == 100)),
        "{dim}"
    );
    let details = browser.evaluate("document.getElementById('details').textContent");
    assert!(
        details
            .as_str()
            .is_some_and(|text| text.contains("decoder.py:375") && text.contains("23.8 KiB"))
    );
    browser.screenshot("page-zoomed");
    browser.press("Escape");
    assert_eq!(
        browser.evaluate("document.querySelectorAll('.f').length"),
        before
    );

    // The search highlights boxes and narrows the table.
    browser.click("document.getElementById('search')");
    browser.type_text("decoder.py");
    let hits = "[...document.querySelectorAll('.f.hit')].map((f) => theTree().frame[f.dataset.node]).every((frame) => framePath(frame).includes('decoder.py'))";
    assert_eq!(browser.evaluate(hits), json!(true));
    assert!(
        browser
            .evaluate("document.querySelectorAll('.f.hit').length")
            .as_u64()
            > Some(1)
    );
    let rows = "[...document.querySelectorAll('#rows tr')].map((row) => row.textContent.includes('decoder.py'))";
    let rows = browser.evaluate(rows);
    assert!(
        rows.as_array()
            .is_some_and(|rows| rows.len() == 3 && rows.iter().all(|hit| *hit == true)),
        "{rows}"
    );
    browser.screenshot("page-search");
    browser.press("Escape");

    // A click on a heading sorts by it, another one the other way round.
    let column = "[...document.querySelectorAll('#rows tr[data-frame]')].map((row) => Number(row.cells[2].textContent))";
    let sorted = |values: &Value, descending: bool| {
        let values: Vec<i64> = values
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_i64)
            .collect();
        assert!(values.len() > 5);
        values.is_sorted_by(|a, b| if descending { a >= b } else { a <= b })
    };
    for descending in [true, false] {
        browser.click("document.querySelector('[data-column=count]')");
        assert!(sorted(&browser.evaluate(column), descending));
    }

    // The other direction: the largest line is next to the root.
    browser.click("document.getElementById('inverted')");
    let first = "document.querySelector('.f[data-node=\"1\"]').textContent";
    assert_eq!(browser.evaluate(first), json!("decoder.py:375"));
    browser.click("document.getElementById('flame')");
    let tops = "[0, 1].map((node) => parseFloat(document.querySelector(`.f[data-node=\"${node}\"]`).style.top))";
    let tops = browser.evaluate(tops);
    assert!(
        tops[0].as_f64() > tops[1].as_f64(),
        "the root is at the bottom: {tops}"
    );
    browser.click("document.getElementById('blocks')");
    let width =
        browser.evaluate("parseFloat(document.querySelector('.f[data-node=\"1\"]').style.width)");
    let expected = 317.0 / 871.0 * 100.0;
    assert!(
        width
            .as_f64()
            .is_some_and(|width| (width - expected).abs() < 0.001),
        "{width}"
    );
    browser.nothing_is_wrong();
}

#[test]
fn a_page_is_dark_and_narrow_where_that_is_wanted() {
    let Some(mut browser) = Browser::start("screens") else {
        return;
    };
    let background = "getComputedStyle(document.body).backgroundColor";
    browser.screen(1300, 900, "light");
    browser.open(&draw(&fixture(), "screens.html", &[]));
    let light = browser.evaluate(background);
    for (width, scheme, name) in [
        (1300, "dark", "page-dark"),
        (390, "light", "page-narrow"),
        (390, "dark", "page-narrow-dark"),
    ] {
        browser.screen(width, 844, scheme);
        browser.screenshot(name);
        assert_eq!(browser.evaluate(background) != light, scheme == "dark");
        let overflow = browser.evaluate("document.documentElement.scrollWidth - window.innerWidth");
        assert!(
            overflow.as_i64() <= Some(0),
            "{name} is {overflow} too wide"
        );
        let hidden =
            browser.evaluate("getComputedStyle(document.querySelector('td.least')).display");
        assert_eq!(hidden == "none", width < 700, "{hidden}");
    }
    browser.nothing_is_wrong();
}

#[test]
fn a_picture_zooms_and_searches() {
    let Some(mut browser) = Browser::start("picture") else {
        return;
    };
    browser.screen(1300, 500, "light");
    browser.open(&draw(&fixture(), "picture.svg", &[]));
    browser.screenshot("picture-light");
    let named = "[...document.getElementsByClassName('f')].find((f) => f.dataset.name === 'decoder.py:375')";
    let width = format!(
        "{named}.getBoundingClientRect().width / document.documentElement.getBoundingClientRect().width"
    );
    assert!(
        browser
            .evaluate(&width)
            .as_f64()
            .is_some_and(|width| width < 0.5)
    );
    browser.click(named);
    let zoomed = browser.evaluate(&width);
    assert!(
        zoomed
            .as_f64()
            .is_some_and(|width| (width - 0.98).abs() < 0.01),
        "{zoomed}"
    );
    browser.screenshot("picture-zoomed");
    browser.press("Escape");
    assert!(
        browser
            .evaluate(&width)
            .as_f64()
            .is_some_and(|width| width < 0.5)
    );

    browser.click("document.querySelector('input')");
    browser.type_text("decoder.py:375");
    let hits = browser.evaluate("document.querySelectorAll('.f.hit').length");
    assert_eq!(hits, json!(1));
    let info = browser.evaluate("document.getElementById('info').textContent");
    assert_eq!(info, json!("1 frame matches, with 25.9% of the memory"));
    let paper = "getComputedStyle(document.querySelector('.paper')).fill";
    let light = browser.evaluate(paper);
    browser.screen(1300, 500, "dark");
    browser.screenshot("picture-dark");
    assert_ne!(browser.evaluate(paper), light);
    browser.screen(390, 500, "dark");
    browser.screenshot("picture-narrow-dark");
    browser.nothing_is_wrong();
}

#[test]
fn comparisons_are_coloured_by_growth() {
    let Some(series) = series().last() else {
        return;
    };
    let Some(mut browser) = Browser::start("diff") else {
        return;
    };
    let old = series.files[0].display().to_string();
    let new = &series.files[2];
    browser.screen(1300, 700, "light");
    browser.open(&draw(new, "diff.svg", &["--diff", &old]));
    browser.screenshot("picture-diff");
    let boxes = "[...document.getElementsByClassName('f')].map((f) => [f.getAttribute('class').split(' ')[1], f.getElementsByTagName('title')[0].textContent.split('\\n')[2].split(' since')[0]])";
    let boxes = browser.evaluate(boxes);
    let mut grown = 0;
    // The root has no colour.
    for of in boxes.as_array().expect("a list").iter().skip(1) {
        let (class, change) = (of[0].as_str().unwrap_or(""), of[1].as_str().unwrap_or(""));
        let expected = match change {
            "+0 B" => 'n',
            _ if change.starts_with('+') => 'g',
            _ => 'd',
        };
        assert!(class.starts_with(expected), "{of}");
        grown += usize::from(expected == 'g');
    }
    assert!(grown > 0, "what leaks has grown");
    browser.nothing_is_wrong();

    browser.open(&draw(new, "diff.html", &["--diff", &old]));
    browser.screenshot("page-diff");
    let diff = [
        "diff",
        "--json",
        "-n0",
        "--only=new,grown,shrunk,gone,same",
        &old,
    ];
    let diff = run(program().args(diff).arg(new)).json();
    let rows = "data.lines.map((line) => line.slice(1))";
    let groups = diff["groups"].as_array().expect("a list").iter();
    let groups =
        groups.map(|of| json!([of["size"], of["count"], of["size_diff"], of["count_diff"]]));
    assert_same("the table", &browser.evaluate(rows), &groups.collect());
    browser.nothing_is_wrong();
}

/// Names in a dump cannot become markup, scripts or addresses.
#[test]
fn hostile_names_stay_names() {
    let mut builder = snapshot::SnapshotBuilder::new(5);
    let names = [
        "</script><script>document.title='owned'</script>.py",
        "<img src=x onerror=\"document.title='owned'\">",
        "a]]><script xmlns='http://www.w3.org/2000/svg'>document.title='owned'</script>.py",
        "\u{202E}line\nbreak\x1b[2J\u{0}&amp;'\";.py",
        "<!--data-->/*script*/.py",
    ];
    for (name, size) in names.iter().zip(100..) {
        let file = builder.file((*name).into());
        let traceback = builder.traceback([(file, 7)], None);
        builder.trace(0, size, traceback);
    }
    let lone = builder.file(snapshot::FileName::new(b"lone\xED\xB2\x80.py"));
    let traceback = builder.traceback([(lone, 1)], None);
    builder.trace(0, 50, traceback);
    let dump = folder("hostile").join("<b>.dump");
    let file = fs::File::create(&dump).expect("a file can be made");
    builder
        .build()
        .expect("a snapshot")
        .dump(file)
        .expect("it is written");

    for format in ["pprof", "speedscope", "collapsed", "csv", "json"] {
        run(program().args(["convert", "--to", format]).arg(&dump)).ok();
    }
    let text = run(program().args(["top", "--color=always"]).arg(&dump))
        .ok()
        .text();
    assert!(
        !text.contains("\x1b[2J") && text.contains(r"line\nbreak\u{1b}[2J"),
        "{text}"
    );

    let Some(mut browser) = Browser::start("hostile") else {
        return;
    };
    for name in ["hostile.html", "hostile.svg"] {
        browser.open(&draw(&dump, name, &["--min-share=0"]));
        browser.nothing_is_wrong();
        let boxes = browser.evaluate("document.getElementsByClassName('f').length");
        assert_eq!(boxes, json!(7), "{name}");
        let title = "document.title || document.querySelector('title').textContent";
        assert_eq!(browser.evaluate(title), json!("<b>.dump"), "{name}");
        let shown = browser.evaluate("document.documentElement.textContent");
        for name in [names[0], names[1]] {
            assert!(
                shown.as_str().is_some_and(|text| text.contains(name)),
                "{name}"
            );
        }
    }
}

/// Alone, also without a browser: nothing in the files asks for anything else.
#[test]
fn files_stand_alone() {
    for name in ["alone.svg", "alone.html"] {
        let text = fs::read_to_string(draw(&fixture(), name, &[])).expect("UTF-8");
        for word in [
            "src=",
            "href=\"http",
            "@import",
            "url(",
            "fetch(",
            "XMLHttpRequest",
        ] {
            assert!(!text.contains(word), "{name} has {word}");
        }
        let addresses = text.matches("http://").count() + text.matches("https://").count();
        let namespaces = text.matches("http://www.w3.org/").count();
        assert_eq!(addresses, namespaces, "{name}");
    }
}

#[test]
fn pictures_go_to_standard_output_too() {
    let out = run(program().arg("flamegraph").arg(fixture())).ok().text();
    assert!(out.starts_with("<svg xmlns="), "{out}");
    let page = run(program().args(["flamegraph", "--html"]).arg(fixture()))
        .ok()
        .text();
    assert!(page.starts_with("<!doctype html>"), "{page}");
    let json = run(program().args(["flamegraph", "--json"]).arg(fixture())).json();
    let top = run(program().args(["top", "--json"]).arg(fixture())).json();
    assert_eq!(json["total"], top["total"]);
    assert_eq!(json["callers"]["size"][0], top["total"]["size"]);
}

/// A viewer without variables in style sheets shows the attributes; a browser in its light form shows
/// the same colours by the style sheet.
#[test]
fn colours_without_variables_are_those_of_the_light_form() {
    let dump = fixture();
    let old = dump.display().to_string();
    let pictures = [
        draw(&dump, "plain.svg", &["--min-share=0"]),
        draw(
            &super::util::synthetic(),
            "plain-grown.svg",
            &["--diff", &old],
        ),
    ];
    for picture in &pictures {
        let text = fs::read_to_string(picture).expect("it is written");
        let boxes = text.matches("<svg class=\"f ").count();
        let coloured = text.matches("\" fill=\"#").count();
        assert!(boxes > 0 && coloured > boxes, "{boxes} boxes, {coloured}");
        // Of what has variables, programs that know none see nothing.
        let (before, after) = text.split_once("@supports (").expect("a condition");
        assert!(!before.contains("var(--") && before.contains("text { fill: #"));
        let after = after.split("</style>").nth(1).expect("the boxes");
        assert!(!after.contains("var(--"));
    }
    let Some(mut browser) = Browser::start("plain") else {
        return;
    };
    let differing = "(() => {
        const paint = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
        document.documentElement.append(paint);
        const same = [...document.querySelectorAll('.f, .swatch, .paper')].map((e) => {
            const shown = e.matches('.f') ? e.querySelector('rect') : e;
            paint.style.fill = e.getAttribute('fill');
            const numbers = (of) => getComputedStyle(of).fill.match(/[0-9.]+/g).map(Number);
            const factor = getComputedStyle(shown).fill.startsWith('color(') ? 255 : 1;
            const [a, b] = [numbers(paint), numbers(shown).map((n) => n * factor)];
            return a.every((n, i) => Math.abs(n - b[i]) < 2) ? '' : e.getAttribute('class');
        });
        paint.remove();
        return [same.length, same.filter((name) => name !== '')];
    })()";
    for picture in &pictures {
        browser.screen(1300, 900, "light");
        browser.open(picture);
        let answer = browser.evaluate(differing);
        assert!(answer[0].as_u64() > Some(4), "{answer}");
        assert_eq!(answer[1], json!([]), "these differ");
        browser.screen(1300, 900, "dark");
        let dark = browser.evaluate(differing);
        assert_ne!(dark[1], json!([]), "the style sheet is used");
        browser.nothing_is_wrong();
    }
}
