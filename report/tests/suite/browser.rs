//! A headless Chromium, by its DevTools protocol.
//!
//! The protocol runs over two named pipes: a message is JSON and a zero byte.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::util::{folder, skip};

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Chromium, if it is installed.
fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let candidates = names
        .iter()
        .flat_map(|name| folders.iter().map(move |at| at.join(name)));
    named
        .into_iter()
        .chain(candidates)
        .find(|path| path.is_file())
}

/// A browser with one page. It ends with this value.
pub struct Browser {
    child: Child,
    to: File,
    from: Receiver<Value>,
    session: Option<String>,
    last_id: u64,
    /// What happened meanwhile.
    events: Vec<Value>,
    screenshots: PathBuf,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Browser {
    /// Starts one for a test of this name; says so if there is none.
    pub fn start(name: &str) -> Option<Browser> {
        let Some(program) = chromium() else {
            skip(&format!(
                "{name}: Chromium is not installed, and CHROMIUM names none"
            ));
            return None;
        };
        let folder = folder(&format!("browser-{name}"));
        let (to, from) = (folder.join("to"), folder.join("from"));
        let made = Command::new("mkfifo").args([&to, &from]).status();
        assert!(made.is_ok_and(|status| status.success()), "mkfifo works");
        let script = "exec \"$0\" --headless=new --no-sandbox --disable-gpu --hide-scrollbars \
                      --no-first-run --disable-background-networking --disable-dev-shm-usage \
                      --remote-debugging-pipe --user-data-dir=\"$3\" 3<\"$1\" 4>\"$2\"";
        let child = Command::new("sh")
            .arg("-c")
            .arg(script)
            .args([&program, &to, &from, &folder.join("profile")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh starts");
        let to = File::options()
            .write(true)
            .open(to)
            .expect("the pipe opens");
        let from = BufReader::new(File::open(from).expect("the pipe opens"));
        let (send, receive) = mpsc::channel();
        thread::spawn(move || {
            for message in from.split(0) {
                let Ok(message) = message else { return };
                let message = serde_json::from_slice(&message).expect("messages are JSON");
                if send.send(message).is_err() {
                    return;
                }
            }
        });
        let screenshots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        fs::create_dir_all(&screenshots).expect("a folder can be made");
        let mut browser = Browser {
            child,
            to,
            from: receive,
            session: None,
            last_id: 0,
            events: Vec::new(),
            screenshots,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", attach);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    fn receive(&self) -> Value {
        let message = self.from.recv_timeout(PATIENCE);
        message.expect("Chromium answers in time")
    }

    /// Calls a method of the protocol.
    #[track_caller]
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let mut message = json!({"id": self.last_id, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message).expect("JSON");
        bytes.push(0);
        self.to.write_all(&bytes).expect("Chromium reads");
        loop {
            let mut answer = self.receive();
            if answer["id"].as_u64() == Some(self.last_id) {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }

    /// Opens a file and waits until it is loaded.
    #[track_caller]
    pub fn open(&mut self, file: &Path) {
        self.events.clear();
        let url = format!("file://{}", file.display());
        let answer = self.call("Page.navigate", json!({"url": url}));
        assert!(answer["errorText"].is_null(), "{answer}");
        let loaded = |event: &Value| event["method"] == "Page.loadEventFired";
        while !self.events.iter().any(loaded) {
            let event = self.receive();
            self.events.push(event);
        }
    }

    /// The value of an expression in the page.
    #[track_caller]
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.call("Runtime.evaluate", params);
        let thrown = &answer["exceptionDetails"];
        assert!(thrown.is_null(), "{expression}: {thrown}");
        answer["result"]["value"].take()
    }

    /// A real click on the middle of what an expression gives.
    #[track_caller]
    pub fn click(&mut self, element: &str) {
        let middle = format!(
            "(() => {{ const e = {element}; e.scrollIntoView({{block: 'nearest'}}); \
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        );
        let at = self.evaluate(&middle);
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            let event =
                json!({"type": kind, "x": at[0], "y": at[1], "button": button, "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Types into what has the focus.
    pub fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            self.call(
                "Input.dispatchKeyEvent",
                json!({"type": kind, "key": key, "code": key}),
            );
        }
    }

    /// The page as on a screen of this size, `light` or `dark`.
    pub fn screen(&mut self, width: u32, height: u32, scheme: &str) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", media);
        // A frame later, all is drawn.
        self.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))");
    }

    /// Keeps a picture of the page in the target folder, for people to look at.
    pub fn screenshot(&mut self, name: &str) {
        let answer = self.call("Page.captureScreenshot", json!({"format": "png"}));
        let png = base64(answer["data"].as_str().expect("a picture"));
        assert!(png.starts_with(b"\x89PNG"), "a picture");
        let file = self.screenshots.join(format!("{name}.png"));
        fs::write(file, png).expect("a file can be written");
    }

    /// Fails if the page complained, or asked for anything but itself.
    #[track_caller]
    pub fn nothing_is_wrong(&mut self) {
        // Whatever was on its way is here after one more answer.
        self.evaluate("1");
        for event in &self.events {
            let (method, params) = (event["method"].as_str().unwrap_or(""), &event["params"]);
            let complains = match method {
                "Runtime.exceptionThrown" => true,
                "Runtime.consoleAPICalled" => {
                    params["type"] == "error" || params["type"] == "warning"
                }
                "Log.entryAdded" => params["entry"]["level"] == "error",
                _ => false,
            };
            assert!(!complains, "{params}");
            if method == "Network.requestWillBeSent" {
                let url = params["request"]["url"].as_str().unwrap_or("");
                assert!(
                    url.starts_with("file:") || url.starts_with("data:"),
                    "a request: {url}"
                );
            }
        }
    }
}

/// Decodes base64 as the protocol sends it.
fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for four in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = four
            .iter()
            .fold(0_u32, |bits, &byte| bits << 6 | u32::from(digit(byte)));
        let bits = bits << (6 * (4 - four.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..four.len()]);
    }
    bytes
}

#[test]
fn base64_is_decoded() {
    assert_eq!(base64("TWFueQ=="), b"Many");
    assert_eq!(base64("TWFu"), b"Man");
    assert_eq!(base64("+/8="), [0xFB, 0xFF]);
}
