def comfort_noise(position, samples, dbfs, key):
    raise NotImplementedError
