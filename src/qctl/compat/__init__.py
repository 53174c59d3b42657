"""All uses of private parts of libraries (paho-mqtt, uvicorn, python-engineio, python-socketio, textual-serve, amqtt).

Each module lists the names it uses as PRIVATE_NAMES, pyproject.toml pins the library to a minor version, and CHANGED
says at import if one of the names is gone. Then the module does its work through the library's public interface, more
slowly or with fewer features, and logs one warning.
"""
