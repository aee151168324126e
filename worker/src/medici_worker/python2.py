"""Programs of the years of Python 2: recognised by what Python 3 says of them."""

import re

SENTENCE = (
    "The scoring program is written for Python 2; images here have Python 3: port it, or bring a Dockerfile with "
    "Python 2."
)
IMAGE_SENTENCE = (
    "It has Python 2, and the worker has no such image: port the program to Python 3 and name an image such as "
    "python:3.11, or load that one on the worker."
)
OTHER_IMAGE_SENTENCE = "Load it on the worker, or map its name to an image that is there (`image_map`)."
_PYTHON_2_IMAGE = re.compile(r"(?:^|[\s/])python:2(?:[.\s-]|$)")
_MODULES = (
    "ConfigParser|urllib2|urlparse|httplib|cPickle|cStringIO|StringIO|Queue|commands|md5|sets|SocketServer|Tkinter|"
    "HTMLParser|cookielib|xmlrpclib|__builtin__|exceptions"
)
_NAMES = "xrange|raw_input|unicode|unichr|basestring|execfile|long|reduce|file|cmp"
_SIGNS = re.compile(
    rf"Missing parentheses in call to '(?:print|exec)'|multiple exception types must be parenthesized|"
    rf"No module named '?(?:{_MODULES})'?$|NameError: name '(?:{_NAMES})' is not defined|"
    rf"'dict' object has no attribute '(?:has_key|iteritems|itervalues|iterkeys)'|"
    rf"leading zeros in decimal integer literals|exec python2(?:\.\d)? failed|"
    rf"\bpython2(?:\.\d)?: (?:command )?not found",
    re.MULTILINE,
)


def image_advice(refusal: str) -> str:
    """What the organizers can do about an image that is not to be had, by what was said of it."""
    return IMAGE_SENTENCE if _PYTHON_2_IMAGE.search(refusal) else OTHER_IMAGE_SENTENCE


def advice(log: str) -> str:
    """The sentence for the organizers, or nothing."""
    return SENTENCE if _SIGNS.search(log) else ""
