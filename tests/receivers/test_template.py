import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.receivers.template import Template, TemplateFault, for_body, for_header, for_url

CONTEXT = {
    "site": '老王"面馆" & <Co.>/..\r\nX-Evil: 1',
    "at": "2026-11-23T04:15:00+00:00",
    "none": None,
    "table": {"a": "1 2", "b": "中"},
}


def body(text: str, charset: str = "utf-8") -> str:
    return Template(text, for_body(charset)).render(CONTEXT)


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("{{ table | tojson }}", '{"a": "1 2", "b": "中"}'),
        ("{{ '<&>' | tojson }}", '"<&>"'),
        ("{{ table | urlencode }}", "a=1+2&b=%E4%B8%AD"),
        ("{{ 'a b/中' | urlencode }}", "a%20b%2F%E4%B8%AD"),
        ("{{ at | when }}", "2026-11-23 12:15:00"),
        ("{{ at | when('%Y%m%d%H%M%S', 'UTC') }}", "20261123041500"),
        ("{{ at | when('ms') }}", "1795407300000"),
        ("{{ 'abc' | md5 }}", "900150983cd24fb0d6963f7d28e17f72"),
        ("{{ 'abc' | sha256 }}",
         "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("{{ 'a' | hmac_sha256('k') }}",
         "78da91511e675587f5b9df78bedebaf5560da2abb88162ee875dcdf744951d9e"),
        ("{{ '中' | base64 }}", "5Lit"),
        ("{{ none or '-' }}", "-"),
        ("{{ (site if none) | tojson }}", '""'),
        ("{% for k in table %}{{ k }}{{ ',' if not loop.last }}{% endfor %}", "a,b"),
    ],
)  # fmt: skip
def test_a_body(text: str, rendered: str) -> None:
    assert body(text) == rendered


def test_a_form_in_gbk() -> None:
    assert body("{{ {'a': '中€'} | urlencode }}", "gbk") == "a=%D6%D0%3F"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\n{{ nope }}", "line 2: 'nope' is undefined"),
        ("{{ nope | tojson }}", "line 1: 'nope' is undefined"),
        ("{{ nope | urlencode }}", "line 1: 'nope' is undefined"),
        ("{{ table.c }}", "line 1: 'dict object' has no attribute 'c'"),
        ("a\nb\n{{ ''.__class__ }}", "line 3: access to attribute '__class__' of 'str' object"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "is unsafe"),
        ("{{ table | attr('__class__') }}", "is unsafe"),
        ("{{ ''['__class__'] }}", "is unsafe"),
        ("{{ '{0.__class__}'.format(1) }}", "is unsafe"),
        ("{{ table.update({'a': 1}) }}", "is unsafe"),
        ("{{ self._TemplateReference__context }}", "is unsafe"),
        ("{{ range(10 ** 9) | list }}", "Range too big"),
        ("{% include '/etc/passwd' %}", "line 1: "),
        ("{{ site | when }}", "is not a time"),
        ("{{ at | when('%Y', 'Moon') }}", "No time zone found"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
    ],
)
def test_what_cannot_be_rendered(text: str, words: str) -> None:
    with pytest.raises(TemplateFault) as caught:
        body(text)

    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{", "line 1: "),
        ("\n\n{% if %}", "line 3: Expected an expression"),
        ("{{ site | shout }}", "line 1: No filter named 'shout'"),
        ("{% endfor %}", "line 1: "),
    ],
)
def test_what_is_no_template(text: str, words: str) -> None:
    with pytest.raises(TemplateFault) as caught:
        Template(text, for_body())

    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("https://h/{{ 'a/b?c#d' }}", "https://h/a%2Fb%3Fc%23d"),
        ("https://h/?{{ table | urlencode }}", "https://h/?a=1+2&b=%E4%B8%AD"),
        ("https://h/?a={{ 'x&y' | urlencode }}", "https://h/?a=x%26y"),
        ("https://h/{% raw %}{{ }}{% endraw %}", "https://h/{{ }}"),
    ],
)
def test_a_url(text: str, rendered: str) -> None:
    assert Template(text, for_url()).render(CONTEXT) == rendered


@given(st.text())
def test_nothing_gets_out_of_its_part_of_a_url(name: str) -> None:
    template = Template("https://h/{{ name }}?q={{ name }}", for_url())

    url = template.render({"name": name})

    assert url.isascii()
    assert url.isprintable()
    assert not set(url.removeprefix("https://h/").replace("?q=", "", 1)) & set("/?#&= @:\\")


@given(st.text())
def test_nothing_gets_out_of_a_header(name: str) -> None:
    value = Template("{{ name }}", for_header()).render({"name": name})

    assert value.isascii()
    assert value == "" or value.isprintable()


def test_a_name_with_a_line_break_in_a_header() -> None:
    assert Template("{{ site }}", for_header()).render(CONTEXT).endswith("..%0D%0AX-Evil: 1")
    assert Template("{{ '\\r\\nX: 1' }}", for_header()).render({}) == "%0D%0AX: 1"
