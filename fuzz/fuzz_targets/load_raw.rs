//! Any bytes as a dump: an error of one line or a snapshot, in memory that the size of the input
//! bounds. What loads can be analysed and dumped, and loads again.

#![no_main]

#[path = "../../snapshot/tests/support/counting.rs"]
#[allow(dead_code)]
mod counting;
mod shared;

use libfuzzer_sys::fuzz_target;

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

fuzz_target!(|bytes: &[u8]| {
    match counting::load(bytes) {
        Ok(snapshot) => {
            shared::check(&snapshot);
            shared::round_trip(&snapshot);
        }
        Err(error) => {
            let text = error.to_string();
            assert!(
                !text.contains('\n') && text.chars().count() < 400,
                "{text:?}"
            );
            assert!(error.offset <= bytes.len() as u64, "{text}");
        }
    }
});
