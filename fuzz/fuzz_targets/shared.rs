//! What the targets share: a source of choices, a snapshot made from them, and what must hold of any
//! snapshot.

#![allow(dead_code, reason = "each target uses its own part")]

use snapshot::{FileName, KeyType, Snapshot, SnapshotBuilder, Text};

/// Reads choices from the input; past its end every choice is 0.
pub struct Choices<'a>(pub &'a [u8]);

impl Choices<'_> {
    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&byte, rest)) => {
                self.0 = rest;
                byte
            }
            None => 0,
        }
    }

    pub fn below(&mut self, end: u8) -> u8 {
        self.byte() % end
    }

    /// Small numbers mostly, and those at the edges.
    pub fn number(&mut self) -> u64 {
        match self.byte() {
            small @ 0..240 => u64::from(small),
            240..244 => u64::from(self.byte()) << 8 | u64::from(self.byte()),
            244..248 => u64::from(u32::MAX) - u64::from(self.byte()),
            248..252 => (1 << 31) - 8 + u64::from(self.byte()),
            _ => (1 << 61) + u64::from(self.byte()),
        }
    }

    /// A short text; `letters` are what it is made of mostly.
    pub fn text(&mut self, letters: &[char], longest: u8) -> String {
        let length = self.below(longest + 1);
        (0..length)
            .map(|_| letters[usize::from(self.byte()) % letters.len()])
            .collect()
    }
}

const LETTERS: &[char] = &[
    'a', 'b', '/', '.', 'p', 'y', 'c', ':', ';', ' ', '<', '>', '"', '\n', '\u{1b}', 'é',
    '\u{202e}', '😀', '\0', ',',
];

/// A snapshot; `None` where the builder refuses it.
pub fn snapshot(from: &mut Choices<'_>) -> Option<Snapshot> {
    let mut builder = SnapshotBuilder::new(from.number() as u32);
    let mut files = Vec::new();
    for _ in 0..=from.below(4) {
        let name = match from.below(8) {
            0 => Text::new([0xED, 0xA0, 0x80 | from.below(0x40)]), // half of a surrogate pair
            1 => Text::from("<unknown>"),
            2 => Text::from("/usr/lib/python3.13/json/decoder.py"),
            3 => Text::from("/x/site-packages/pack-1.0.dist-info/mod.pyc"),
            _ => Text::from(from.text(LETTERS, 12)),
        };
        files.push(builder.file(FileName::from(name)));
    }
    let mut tracebacks = Vec::new();
    for _ in 0..=from.below(5) {
        let frames: Vec<_> = (0..=from.below(5))
            .map(|_| {
                let file = files[usize::from(from.byte()) % files.len()];
                (file, from.number() as u32)
            })
            .collect();
        let total = (from.below(2) == 1).then(|| from.number() as u32);
        tracebacks.push(builder.traceback(frames, total));
    }
    for _ in 0..from.below(12) {
        let traceback = tracebacks[usize::from(from.byte()) % tracebacks.len()];
        let domain = if from.below(4) == 0 {
            from.number() as u32
        } else {
            0
        };
        builder.trace(domain, from.number() as i64, traceback);
    }
    builder.build().ok()
}

/// All that a snapshot says of its traces, one line each.
pub fn lines(snapshot: &Snapshot) -> Vec<String> {
    let line = |trace: snapshot::Trace| {
        let frames: Vec<_> = snapshot
            .raw_frames(trace.traceback)
            .map(|(file, line)| (snapshot.file(file).as_bytes().to_vec(), line))
            .collect();
        let total = snapshot.total_nframe(trace.traceback);
        format!("{} {} {frames:?} {total:?}", trace.domain, trace.size)
    };
    snapshot.traces().map(line).collect()
}

/// Whatever loads can be counted, compared, filtered and dumped, and adds up.
pub fn check(snapshot: &Snapshot) {
    for key in [KeyType::Lineno, KeyType::Filename, KeyType::Traceback] {
        let rows = snapshot.statistics(key, false).expect("not cumulative");
        let sum: i64 = rows.iter().map(|row| row.size).sum();
        assert_eq!(sum, snapshot.total_size());
        if key != KeyType::Traceback {
            let _ = snapshot.statistics(key, true).expect("cumulative");
        }
        for row in snapshot.compare_to(snapshot, key, false).expect("one key") {
            assert_eq!((row.size_diff, row.count_diff), (0, 0));
        }
    }
}

/// What is dumped loads, and says the same.
pub fn round_trip(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = Vec::new();
    snapshot.dump(&mut bytes).expect("a vector takes all");
    let again = Snapshot::from_bytes(&bytes).expect("what is dumped here loads here");
    assert_eq!(lines(&again), lines(snapshot));
    assert_eq!(again.traceback_limit(), snapshot.traceback_limit());
    assert_eq!(
        format!("{:?}", again.extra()),
        format!("{:?}", snapshot.extra())
    );
    bytes
}
