"""All uses of private parts of libraries (paho-mqtt, uvicorn, python-engineio, python-socketio, textual-serve, amqtt,
redis-py, RQ).

Each module lists the names it uses as PRIVATE_NAMES, pyproject.toml pins the library to a minor version, and CHANGED
says at import if one of the names is gone. Then the module does its work through the library's public interface, more
slowly or with fewer features, and logs one warning. `lazy_redis` names the releases of redis-py and RQ that it knows
instead: another one is imported as a whole.
"""
