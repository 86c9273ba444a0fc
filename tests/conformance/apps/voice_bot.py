"""A voice bot as they are published: it answers wss:// of the host that it was asked by."""

import json
import os

from aiohttp import WSMsgType, web

routes = web.RouteTableDef()


@routes.post("/incoming-call")
async def incoming(request: web.Request) -> web.Response:
    host = request.headers["Host"]
    url = f"wss://{host}/media-stream"
    text = f'<Response><Connect><Stream url="{url}" /></Connect></Response>'
    return web.Response(text=text, content_type="text/xml")


@routes.get("/media-stream")
async def stream(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    heard = 0
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            break
        event = json.loads(message.data)
        if event["event"] == "media":
            heard += 1
            await socket.send_json({**event, "media": {"payload": event["media"]["payload"]}})
    print(f"heard {heard // 50} s by {request.headers['X-Forwarded-Proto']}", flush=True)
    return socket


app = web.Application()
app.add_routes(routes)

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]))
