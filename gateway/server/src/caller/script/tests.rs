use codecs::{Dbm0, Generator};
use terms::media::SampleRate;

use super::*;

const TICK: Duration = Duration::from_millis(20);

/// What a gateway of the test lets the caller hear.
#[derive(Debug, Clone, Copy)]
enum Sound {
    Nothing,
    /// Two tones that nobody listens for.
    Speech,
    Tone,
}

/// A script, its ear, and what the gateway plays.
struct Stage {
    script: Script,
    ear: Ear,
    now: Instant,
    speech: [Generator; 2],
    tone: Generator,
}

impl Stage {
    fn new(steps: Vec<Step>) -> Self {
        let tone = |hz| Generator::new(hz, Dbm0(-16.0), SampleRate::Hz8000);
        Self {
            script: Script::new(steps),
            ear: Ear::new(&[440]),
            now: Instant::ZERO,
            speech: [tone(300), tone(560)],
            tone: tone(440),
        }
    }

    /// One tick: something is heard, something is said.
    fn tick(&mut self, sound: Sound) -> Progress {
        let mut frame = [0; 160];
        match sound {
            Sound::Nothing => {}
            Sound::Tone => self.tone.fill(&mut frame),
            Sound::Speech => {
                for generator in &mut self.speech {
                    let mut part = [0; 160];
                    generator.fill(&mut part);
                    frame.iter_mut().zip(part).for_each(|(sum, sample)| *sum += sample);
                }
            }
        }
        self.now += TICK;
        self.ear.hear(self.now, &frame);
        self.script.tick(self.now, &mut self.ear)
    }

    /// So many ticks; what the last one said.
    fn ticks(&mut self, sound: Sound, count: usize) -> Progress {
        (0..count).map(|_| self.tick(sound)).last().expect("at least one")
    }
}

fn keys(text: &str) -> Vec<Digit> {
    text.chars().map(|key| Digit::try_from(key).expect("a key")).collect()
}

fn joining() -> Vec<Step> {
    let within = Duration::from_secs(12);
    vec![Step::Key(keys("12#")), Step::Join { within }, Step::Talk { hz: Some(700), duration: TICK * 5 }]
}

#[test]
fn a_prompt_is_heard_to_its_end_before_keys_go_down() {
    let listen = Step::Listen { pause: Duration::from_millis(600), within: Duration::from_secs(20) };
    let mut stage = Stage::new(vec![listen, Step::Key(keys("4#"))]);
    assert_eq!(stage.ticks(Sound::Nothing, 100), Progress::Say(Say::Nothing), "nothing heard yet");
    assert_eq!(stage.ticks(Sound::Speech, 50), Progress::Say(Say::Nothing));
    assert_eq!(stage.ticks(Sound::Nothing, 19), Progress::Say(Say::Nothing), "between two words");
    assert_eq!(stage.ticks(Sound::Speech, 50), Progress::Say(Say::Nothing));
    assert_eq!(stage.ticks(Sound::Nothing, 30), Progress::Say(Say::Press(keys("4")[0])));
    let rest: Vec<_> = (0..19).map(|_| stage.tick(Sound::Nothing)).collect();
    assert_eq!(rest.iter().position(|said| *said == Progress::Say(Say::Press(Digit::POUND))), Some(8));
    assert_eq!(rest[18], Progress::Over);
}

#[test]
fn a_prompt_without_end_is_not_waited_for() {
    let listen = Step::Listen { pause: Duration::from_millis(600), within: Duration::from_secs(2) };
    let mut stage = Stage::new(vec![listen]);
    assert_eq!(stage.ticks(Sound::Speech, 100), Progress::Say(Say::Nothing));
    assert_eq!(stage.tick(Sound::Speech), Progress::Over);
}

#[test]
fn a_short_prompt_and_silence_or_a_tone_is_the_meeting() {
    for (name, sound, ticks, joined_ms) in
        [("silence", Sound::Nothing, 50, 2_380), ("a tone", Sound::Tone, 10, 2_380)]
    {
        let mut stage = Stage::new(joining());
        stage.ticks(Sound::Nothing, 27);
        assert_eq!(stage.ticks(Sound::Speech, 110), Progress::Say(Say::Nothing), "{name}");
        assert_eq!(stage.ticks(sound, ticks), Progress::Say(Say::Tone(700)), "{name}");
        let milestones = stage.script.milestones();
        let pound = milestones.pound.expect("keyed");
        let since = |at: Option<Instant>| at.expect("reached").since(pound).as_millis();
        assert_eq!(since(milestones.sound), 180, "{name}");
        assert!(since(milestones.joined).abs_diff(joined_ms) <= 60, "{name}: {}", since(milestones.joined));
        assert_eq!(milestones.tone.is_some(), matches!(sound, Sound::Tone), "{name}");
    }
}

#[test]
fn what_is_no_meeting_is_told() {
    let mut stage = Stage::new(joining());
    stage.ticks(Sound::Nothing, 27);
    assert_eq!(stage.ticks(Sound::Speech, 250), Progress::AskedAgain);
    assert_eq!(stage.tick(Sound::Nothing), Progress::AskedAgain, "it stays so");
    let mut stage = Stage::new(joining());
    assert_eq!(stage.ticks(Sound::Nothing, 650), Progress::NotJoined);
}

#[test]
fn what_is_heard_counts_while_talking_only() {
    let mut stage = Stage::new(vec![Step::Talk { hz: None, duration: Duration::from_secs(2) }]);
    assert_eq!(stage.ticks(Sound::Tone, 90), Progress::Say(Say::Nothing));
    assert!(stage.script.is_talking());
    let level = stage.ear.levels().next().expect("one").1;
    assert!((level.0 - -16.0).abs() < 0.3, "{level:?}");
    assert_eq!(stage.ticks(Sound::Tone, 20), Progress::Over);
}
