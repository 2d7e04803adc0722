"""Flags of numbers within bounds, and of comma-separated lists of them."""

from absl import flags

from keras_sphere.command_line.text_forms import join_texts, split_texts


class CommaList(flags.ArgumentParser):
    """Parses `1,4` into a list of numbers within bounds.

    Args:
        convert: `int` or `float`.
        low: Number. The smallest value allowed.
        high: Number. The largest value allowed.
        words: Tuple of strings that stand for themselves, such as `"all"`.
    """

    MOST_ENTRIES = 1000

    def __init__(self, convert, low, high, words=()):
        super().__init__()
        self.convert, self.low, self.high, self.words = convert, low, high, words
        kind = "integers" if convert is int else "numbers"
        also = "".join(f", or {word}" for word in words)
        self.syntactic_help = (
            f"comma-separated {kind} in the range [{low}, {high}]{also}"
        )

    def parse(self, argument):
        """Returns a list of numbers, or one of the words."""
        if isinstance(argument, list) or argument in self.words:
            return argument
        try:
            values = [self.convert(part) for part in str(argument).split(",")]
        except (ValueError, OverflowError):
            values = []
        if not 0 < len(values) <= self.MOST_ENTRIES or not all(
            self.low <= value <= self.high for value in values
        ):
            raise ValueError(f"must be {self.syntactic_help}")
        return values

    def flag_type(self):
        return self.syntactic_help


class ClassList(CommaList):
    """Parses names and ids of classes, which the model tells apart later.

    Args:
        words: Tuple of strings that stand for themselves, such as `"all"`.
    """

    def __init__(self, words=()):
        flags.ArgumentParser.__init__(self)
        self.words = words
        also = "".join(f", or {word}" for word in words)
        self.syntactic_help = f"comma-separated names or ids of classes{also}"

    def parse(self, argument):
        """Returns a list of strings, or one of the words."""
        if isinstance(argument, list) or argument in self.words:
            return argument
        values = split_texts(str(argument))
        if len(values) > self.MOST_ENTRIES:
            raise ValueError(f"must be at most {self.MOST_ENTRIES} classes")
        return values


class BoundedNumber(flags.FloatParser):
    """Parses a number within bounds; unlike absl's it refuses `nan`."""

    def parse(self, argument):
        value = super().parse(argument)
        if value != value:
            raise ValueError(f"must be {self.syntactic_help}")
        return value


class _Serializer(flags.ArgumentSerializer):
    def serialize(self, value):
        return value if isinstance(value, str) else ",".join(map(str, value))


def define_list(values, name, default, help, convert, low, high, words=()):
    """Defines a flag that holds a list of numbers, or a word.

    Args:
        values: `absl.flags.FlagValues`.
        name: String.
        default: String as on the command line, or `None`.
        help: String.
        convert: `int` or `float`.
        low: Number. The smallest value allowed.
        high: Number. The largest value allowed.
        words: Tuple of strings allowed in place of a list.
    """
    parser = CommaList(convert, low, high, words)
    flags.DEFINE(parser, name, default, help, values, _Serializer())


class _TextSerializer(flags.ArgumentSerializer):
    def serialize(self, value):
        return value if isinstance(value, str) else join_texts(value)


def define_classes(values, name, default, help, words=()):
    """Defines a flag that holds a list of names and ids of classes, or a word.

    Args:
        values: `absl.flags.FlagValues`.
        name: String.
        default: String as on the command line, or `None`.
        help: String.
        words: Tuple of strings allowed in place of a list.
    """
    flags.DEFINE(ClassList(words), name, default, help, values, _TextSerializer())


def define_number(values, name, default, help, low, high):
    """Defines a flag that holds a number from `low` to `high`."""
    parser = BoundedNumber(low, high)
    flags.DEFINE(parser, name, default, help, values, flags.ArgumentSerializer())


def define_integer(values, name, default, help, low, high):
    """Defines a flag that holds an integer from `low` to `high`."""
    flags.DEFINE_integer(name, default, help, low, high, values)
