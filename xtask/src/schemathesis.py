"""Makes three people at a Weir that nobody has set up yet, and says what lets each of them in, as the Web Fuzzing Commons write it.

Arguments: the server's URL and the secret of its first link. One comes with a token, the others with the cookie of a sign-in.
"""

import json
import sys
from urllib.request import Request, urlopen

url, secret = sys.argv[1:]


def post(path, body, cookie=""):
    headers = {"Content-Type": "application/json", "Origin": url, "Cookie": cookie}
    with urlopen(Request(url + path, json.dumps(body).encode(), headers), timeout=10) as response:
        return json.load(response), (response.headers["Set-Cookie"] or "").split(";")[0]


def account(path, link, name):
    new = {"secret": link, "email": f"{name}@example.org", "name": name, "password": "seventeen quiet herons"}
    return post(path, new)[1]


administrator = account("/api/auth/setup", secret, "administrator")
cookies = {}
for name in ("one", "two"):
    invite, _ = post("/api/invites", {"role": "user"}, administrator)
    cookies[name] = account("/api/auth/join", invite["secret"], name)
token, _ = post("/api/me/tokens", {"name": "schemathesis", "scopes": ["read", "write"]}, cookies["one"])

people = {
    "one": {"Authorization": f"Bearer {token['secret']}"},
    "two": {"Cookie": cookies["two"]},
    "administrator": {"Cookie": administrator},
}
auth = [
    {"name": name, "fixedHeaders": [{"name": header, "value": value} for header, value in headers.items()]}
    for name, headers in people.items()
]
json.dump({"auth": auth}, sys.stdout)
