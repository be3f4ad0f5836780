//! The colours of boxes for programs that know no variables in style sheets: Inkscape, rsvg-convert,
//! thumbnails, most viewers but browsers.
//!
//! Invariant: they are those of `assets/palette.css` in its light form. The style sheet of a picture
//! replaces them where variables are known, so a browser still follows the system's light or dark.

/// The paper behind everything.
pub const PAPER: &str = "#fdfdfc";
/// What has not changed, or comes from no file.
const GREY: [f64; 3] = [201.0, 206.0, 212.0];
/// What has grown, and what has shrunk.
const GROWN: [f64; 3] = [229.0, 56.0, 59.0];
const SHRUNK: [f64; 3] = [47.0, 127.0, 224.0];
/// How much of these is in each step, in percent.
const STEPS: [u32; 6] = [18, 32, 46, 60, 74, 88];
/// The hues of the program, of installed packages, and of the standard library, in degrees; with the
/// part of the saturation.
const PROGRAM: ([u32; 6], f64) = ([12, 22, 32, 40, 4, 48], 1.0);
const INSTALLED: ([u32; 6], f64) = ([90, 110, 130, 148, 162, 176], 0.6);
const STANDARD: ([u32; 6], f64) = ([198, 208, 218, 228, 240, 254], 0.8);
const SATURATION: f64 = 0.78;
const LIGHTNESS: f64 = 0.71;

/// The colour of a class, as in `#e8a27c`.
pub fn fill(class: &str) -> String {
    let shade = class.get(1..).and_then(|shade| shade.parse().ok());
    let shade: usize = shade.unwrap_or(0);
    let hue = |(hues, part): ([u32; 6], f64)| {
        let hue = hues.get(shade).copied().unwrap_or(hues[0]);
        hsl(f64::from(hue), SATURATION * part, LIGHTNESS)
    };
    let mixed = |colour: [f64; 3]| {
        let step = STEPS.get(shade.saturating_sub(1)).copied();
        let part = f64::from(step.unwrap_or(STEPS[0])) / 100.0;
        std::array::from_fn(|at| colour[at] * part + GREY[at] * (1.0 - part))
    };
    let [red, green, blue] = match class.as_bytes().first() {
        Some(b'p') => hue(PROGRAM),
        Some(b'i') => hue(INSTALLED),
        Some(b's') => hue(STANDARD),
        Some(b'g') => mixed(GROWN),
        Some(b'd') => mixed(SHRUNK),
        Some(b'a') => [227.0, 229.0, 232.0],
        _ => GREY,
    };
    let byte = |part: f64| part.round().clamp(0.0, 255.0) as u8;
    format!("#{:02x}{:02x}{:02x}", byte(red), byte(green), byte(blue))
}

/// Red, green and blue, from 0 to 255, of a hue in degrees, a saturation and a lightness.
fn hsl(hue: f64, saturation: f64, lightness: f64) -> [f64; 3] {
    let reach = saturation * lightness.min(1.0 - lightness);
    let part = |offset: f64| {
        let k = (offset + hue / 30.0) % 12.0;
        let down = (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        (lightness - reach * down) * 255.0
    };
    [part(0.0), part(8.0), part(4.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const PALETTE: &str = include_str!("assets/palette.css");

    #[test]
    fn of_classes() {
        assert_eq!(hsl(0.0, 1.0, 0.5), [255.0, 0.0, 0.0]);
        assert_eq!(hsl(120.0, 1.0, 0.25).map(f64::round), [0.0, 128.0, 0.0]);
        // As a browser computes them: hsl(12 78% 71%), hsl(208 62.4% 71%), and 88% of #e5383b.
        assert_eq!(fill("p0"), "#ef927b");
        assert_eq!(fill("s1"), "#87b8e3");
        assert_eq!(fill("g6"), "#e24a4d");
        assert_eq!(fill("u"), "#c9ced4");
        assert_eq!(fill("n"), fill("u"));
    }

    /// The style sheet has the same figures.
    #[test]
    fn they_are_those_of_the_palette() {
        let has = |rule: String| assert!(PALETTE.contains(&rule), "{rule}");
        has("--s: 78%; --l: 71%; --paper: #fdfdfc;".to_owned());
        has("--root: #e3e5e8; --grey: #c9ced4;".to_owned());
        for (letter, (hues, _), saturation) in [
            ("p", PROGRAM, "var(--s)"),
            ("i", INSTALLED, "calc(var(--s) * .6)"),
            ("s", STANDARD, "calc(var(--s) * .8)"),
        ] {
            for (shade, hue) in hues.iter().enumerate() {
                has(format!(
                    ".{letter}{shade} {{ --c: hsl({hue} {saturation} var(--l)); }}"
                ));
            }
        }
        for (letter, colour) in [("g", "#e5383b"), ("d", "#2f7fe0")] {
            for (step, part) in (1..).zip(STEPS) {
                has(format!(
                    ".{letter}{step} {{ --c: color-mix(in srgb, {colour} {part}%, var(--grey)); }}"
                ));
            }
        }
    }
}
