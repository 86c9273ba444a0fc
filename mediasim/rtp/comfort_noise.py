def parse_comfort_noise(p): raise NotImplementedError
def build_comfort_noise(d): raise NotImplementedError
