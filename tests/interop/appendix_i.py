"""ITU-T G.711 Appendix I, as its text describes it: how a lost frame of 10 ms is made up. A yardstick for ours.

The numbers are those of the recommendation, at 8 kHz: pitch of 5 to 15 ms, found by normalized correlation over 20 ms of the
past; a quarter of a period is overlapped; 1, 2, then 3 periods are repeated; from the second frame on it fades by a fifth a
frame; what it says is late by 3.75 ms.
"""

import numpy

FRAME = 80
PITCH_MIN, PITCH_MAX = 40, 120
OVERLAP_MAX = PITCH_MAX // 4
HISTORY = 3 * PITCH_MAX + OVERLAP_MAX
CORRELATED = 160
LEAST_POWER = 250.0
FADE = 0.2
# The overlap at the end of a loss grows by 4 ms a lost frame.
END_OVERLAP_STEP = 32


class Concealment:
    def __init__(self):
        self.history = numpy.zeros(HISTORY)
        self.lost = 0

    def good(self, frame):
        frame = frame.astype(float)
        if self.lost:
            length = min(self.pitch // 4 + (self.lost - 1) * END_OVERLAP_STEP, FRAME)
            rising = numpy.arange(1, length + 1) / length
            gain = max(0.0, 1 - (self.lost - 1) * FADE)
            frame[:length] = rising * frame[:length] + (1 - rising) * gain * self.more(length)
            self.lost = 0
        return self.say(frame)

    def bad(self):
        if self.lost == 0:
            self.past = self.history.copy()
            self.pitch = pitch_of(self.past)
            self.last_quarter = self.past[-(self.pitch // 4):].copy()
            self.at = 0
            self.repeat(1)
            quarter = self.pitch // 4
            self.history[-quarter:] = self.past[-quarter:]
            frame = self.more(FRAME)
        elif self.lost <= 2:
            before, quarter = self.at, self.pitch // 4
            tail = self.more(quarter)
            self.at = before % self.pitch
            self.repeat(self.lost + 1)
            frame = self.more(FRAME)
            rising = numpy.arange(1, quarter + 1) / quarter
            frame[:quarter] = rising * frame[:quarter] + (1 - rising) * tail
        else:
            frame = self.more(FRAME)
        if self.lost > 5:
            frame = numpy.zeros(FRAME)
        elif self.lost:
            frame = frame * (1 - FADE * (self.lost - 1 + numpy.arange(FRAME) / FRAME))
        self.lost += 1
        return self.say(frame)

    def repeat(self, periods):
        """So many periods of the past are repeated; their end is overlapped with what came before their beginning."""
        self.length = periods * self.pitch
        quarter = self.pitch // 4
        rising = numpy.arange(1, quarter + 1) / quarter
        begin = len(self.past) - self.length
        self.past[-quarter:] = (1 - rising) * self.last_quarter + rising * self.past[begin - quarter:begin]

    def more(self, samples):
        begin = len(self.past) - self.length
        at = begin + (self.at + numpy.arange(samples)) % self.length
        self.at = (self.at + samples) % self.length
        return self.past[at]

    def say(self, frame):
        self.history = numpy.concatenate([self.history[FRAME:], frame])
        end = HISTORY - OVERLAP_MAX
        return self.history[end - FRAME:end].copy()


def pitch_of(past):
    def match(lag, step):
        now, then = past[-CORRELATED::step], past[-CORRELATED - lag:len(past) - lag:step]
        return (now @ then) / max(then @ then, LEAST_POWER) ** 0.5

    coarse = max(range(PITCH_MAX, PITCH_MIN - 1, -2), key=lambda lag: match(lag, 2))
    near = range(min(coarse + 1, PITCH_MAX), max(coarse - 1, PITCH_MIN) - 1, -1)
    return max(near, key=lambda lag: match(lag, 1))


def conceal(sound, is_lost):
    """A sound of whole frames, some of them lost."""
    concealment = Concealment()
    frames = [concealment.bad() if is_lost(number) else concealment.good(sound[at:at + FRAME])
              for number, at in enumerate(range(0, len(sound) - FRAME + 1, FRAME))]
    return numpy.clip(numpy.concatenate(frames), -32768, 32767).round().astype(numpy.int16)
