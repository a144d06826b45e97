"""The PBX edge: everything that knows what AMI, a channel or a dial string is. It holds no policy."""
